/** What a developer who mistypes a name is told. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

it.each([
  ["build-modules.ts", 'build-modules: there is no module "yolol" in wasm/modules; there is '],
  ["assemble-bundles.ts", 'assemble-bundles: there is no bundle "yolol" in demo/bundles; there is '],
])("%s names what there is when there is no such folder", (script, message) => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "scripts", script), "yolol"], {
    encoding: "utf8",
  });
  expect(stderr.startsWith(message)).toBe(true);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(status).toBe(3);
});
