// The engine's worker by itself, without an element.
import "./support/load_stripper.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Engine } from "../../../services/postprocess/engine.ts";
import { waitUntil } from "../../support/wait.ts";
import { detectBundle, SIZE, TINY_MODEL, writeBundle } from "./support/bundles.ts";
import { TestHost } from "./support/host.ts";

const INPUT = { name: "images", type: "float32", shape: [1, 3, SIZE, SIZE] };
let engine: Engine | undefined;

afterEach(() => engine?.stop());

async function load(): Promise<Engine> {
  const directory = writeBundle({}, {});
  writeFileSync(join(directory, "model.onnx"), TINY_MODEL);
  engine = new Engine(join(directory, "model.onnx"), 1);
  await engine.loaded();
  return engine;
}

describe("an engine", () => {
  it("that cannot serve a link says so, and works on", async () => {
    const loaded = await load();
    const reasons: string[] = [];
    loaded.onExit = (reason) => reasons.push(reason);
    const host = new TestHost();
    await host.start();
    const element = host.connect();
    await element.open({ bundle: await detectBundle() });
    // A descriptor that is none.
    loaded.serve(element.memory!, -1, 4096, 0);
    await waitUntil("it says so", () => reasons.length > 0, 20_000);
    expect(reasons).toEqual([expect.stringMatching(/^the engine worker cannot serve its link: /)]);
    const outputs = await loaded.infer(INPUT, new Uint8Array(3 * SIZE * SIZE * 4));
    expect(outputs).toHaveLength(1);
    loaded.leave(element.memory!);
    await host.close();
  });

  it("is stopped also when it has never served", async () => {
    const loaded = await load();
    await loaded.stop();
    engine = undefined;
  });
});
