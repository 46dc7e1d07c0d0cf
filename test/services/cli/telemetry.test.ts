import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-telemetry-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Stands for Node: loads the inference engine, as our programs do, in the environment that they are given. */
function nodeThatLoadsTheEngine(): string {
  const file = join(folder, "node");
  const load = `require(${JSON.stringify(resolve("node_modules/onnxruntime-node"))})`;
  const create = `${load}.InferenceSession.create(${JSON.stringify(resolve("build/bundles/street/model.onnx"))})`;
  writeFileSync(
    file,
    `#!/bin/sh\n[ "$1" != --version ] || exec echo v24.21.0\nexec ${process.execPath} -e '${create}'\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

it.each(["nightjar", "nightjar-host"])("%s lets the inference engine report nothing to its maker", (name) => {
  const cache = join(folder, "cache");
  const env = { PATH: "/usr/bin:/bin", HOME: folder, XDG_CACHE_HOME: cache, NIGHTJAR_NODE: nodeThatLoadsTheEngine() };
  const { status, stderr } = spawnSync(`bin/${name}`, [], { env, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  // The id under which it would report, and what waits to be sent.
  expect(readdirSync(folder, { recursive: true }).filter((file) => /onnxruntime|Microsoft/.test(String(file)))).toEqual(
    [],
  );
});
