/** Files by their content, and releases as links to them: what a disk may do to them, and what is thrown away. */
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { hashOfFile } from "../../../services/postprocess/file_hash.ts";
import { type Device, startDevice } from "./support/device.ts";
import { TestRepository, temporaryFolder } from "./support/repository.ts";
import { StaticServer } from "./support/static-server.ts";

const MODEL = "the same model";

let repository: TestRepository;
let server: StaticServer;
let folder: string;
let device: Device;

beforeEach(async () => {
  repository = await TestRepository.create();
  server = await StaticServer.start(repository.publicDirectory);
  folder = temporaryFolder();
  await repository.release("1.0.0", { model: MODEL });
  start();
  await device.check();
});

afterEach(async () => {
  await device.stop();
  await server.stop();
});

const start = () => {
  device = startDevice({ folder, url: server.url, firstRoot: repository.firstRoot });
};
const restart = async () => {
  await device.stop();
  start();
};
const installed = () => device.updater.status().channels[0]?.installed;
const serving = (name: string) => join(device.activator.serving()!, name);
const fetched = (name: string) => server.requests.filter((path) => path.endsWith(name)).length;

it("a release is a directory of links, and what two releases share is one file", async () => {
  const first = readlinkSync(serving("model.onnx"));
  await repository.release("1.1.0", { model: MODEL });
  await device.check();
  expect(installed()).toBe("1.1.0");
  expect(readlinkSync(serving("model.onnx"))).toBe(first);
  expect(readFileSync(serving("model.onnx"), "utf8")).toBe(MODEL);
});

it("a model that stays does not look changed to those who remember its hash", async () => {
  const { ctimeNs } = statSync(serving("model.onnx"), { bigint: true });
  await hashOfFile(serving("model.onnx"));
  for (const version of ["1.1.0", "1.2.0", "1.3.0"]) {
    await repository.release(version, { model: MODEL });
    await device.check();
  }
  expect(statSync(serving("model.onnx"), { bigint: true }).ctimeNs).toBe(ctimeNs);
});

it("a file that the disk has changed is found before a release is made of it, and fetched again", async () => {
  writeFileSync(serving("model.onnx"), MODEL.toUpperCase());
  await restart();
  await repository.release("1.1.0", { model: MODEL });
  await device.check();
  expect(device.updater.status().lastCheck?.problem).toContain("model.onnx has changed on the disk since it came");
  expect(installed()).toBe("1.0.0");
  expect(readFileSync(serving("model.onnx"), "utf8")).toBe(MODEL.toUpperCase());
  await device.check();
  expect(installed()).toBe("1.1.0");
  expect(readFileSync(serving("model.onnx"), "utf8")).toBe(MODEL);
  expect(fetched("model.onnx")).toBe(2);
});

it("a release whose record the disk has lost is no release any more, and the next one is taken", async () => {
  writeFileSync(serving("release.json"), "{");
  await restart();
  await repository.release("1.1.0", { model: MODEL });
  await device.check();
  expect(installed()).toBe("1.1.0");
});

it("what no release needs goes, and what one needs stays", async () => {
  for (const version of ["1.1.0", "1.2.0"]) {
    await repository.release(version, { model: version });
    await device.check();
  }
  const releases = readdirSync(join(folder, "updates", "releases"));
  expect(releases.map((name) => name.split("-")[1]).sort()).toEqual(["1.1.0", "1.2.0"]);
  const links = releases.flatMap((name) =>
    ["bundle.yaml", "module.wasm", "model.onnx"].map((file) =>
      readFileSync(join(folder, "updates", "releases", name, file), "utf8"),
    ),
  );
  expect(links).toHaveLength(6);
  expect(readdirSync(join(folder, "updates", "sha256"))).toHaveLength(6);
});
