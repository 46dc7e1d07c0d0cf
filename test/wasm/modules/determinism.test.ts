import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EXPECTED, EXPECTED_ANALYZE, hashOfAnalysis, hashOfResults } from "./determinism.ts";

/** A command that runs Node for arm64 here, for example "qemu-aarch64 -L /usr/aarch64-linux-gnu /opt/node-linux-arm64/bin/node". */
const arm64 = process.env["NIGHTJAR_ARM64_NODE"]?.split(" ");

describe("the modules", () => {
  // After an intended change of a module's results: node test/wasm/modules/determinism.ts, and both hashes there. `make test-arm64`
  // runs this file on arm64.
  it("give the bytes that were recorded on x86-64: objects of tensors", () => {
    expect(hashOfResults()).toBe(EXPECTED);
  });

  it("give the bytes that were recorded on x86-64: ids, events, counts and state of objects", () => {
    expect(hashOfAnalysis()).toBe(EXPECTED_ANALYZE);
  });

  it.skipIf(!arm64)("give the same bytes on arm64 (NIGHTJAR_ARM64_NODE)", { timeout: 300_000 }, () => {
    const program = fileURLToPath(new URL("determinism.ts", import.meta.url));
    const [command, ...args] = arm64!;
    const { stdout, stderr } = spawnSync(command!, [...args, program], { encoding: "utf8" });
    expect(stdout.trim(), stderr).toBe(`${EXPECTED}\n${EXPECTED_ANALYZE}`);
  });
});
