/** nightjar module, as an author uses it: in a folder of their own, outside of the checkout. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";

// Each compiles a module in a process of its own: seconds, and more where the machine has other work.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "nightjar-modules-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function nightjar(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(resolve("bin/nightjar"), args, { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

const edit = (file: string, from: string, to: string) => {
  const text = readFileSync(join(folder, file), "utf8");
  expect(text).toContain(from);
  writeFileSync(join(folder, file), text.replaceAll(from, to));
};

describe("a new rule", () => {
  it("passes its own cases out of the box, and says so to a CI system", () => {
    expect(nightjar("module", "new", "my-rule").status).toBe(0);
    const { status, stdout, stderr } = nightjar("module", "test", "my-rule", "--junit", "report.xml");
    expect([stderr, status]).toEqual(["", 0]);
    expect(stdout).toMatch(
      /✓ refuses a limit below zero\n✓ says it once.*\n✓ is not said again.*\nmy-rule: 3 passed, 0 failed/,
    );
    expect(readFileSync(join(folder, "report.xml"), "utf8")).toMatch(
      /<testsuite name="my-rule" tests="3" failures="0"/,
    );
  });

  it("that is wrong fails with what was expected and what was found, and exit code 3", () => {
    edit("my-rule/cases/says-it-once.yaml", "value: 2", "value: 3");
    const { status, stdout } = nightjar("module", "test", "my-rule", "--case", "says-it-once", "--json");
    const report = JSON.parse(stdout);
    expect(status).toBe(3);
    expect(report).toMatchObject({ passed: 0, failed: 1 });
    expect(report.cases[0].problems).toEqual([
      "frame 1: expected the event my-rule 3; found my-rule 2",
      "frame 1: found the event my-rule 2, which is not expected",
    ]);
  });

  it("has a bundle, each content at a path of its own", () => {
    const first = readlinkSync(join(folder, "my-rule/build/bundle"));
    edit("my-rule/bundle.yaml", "version: 1.0.0", "version: 1.0.1");
    expect(nightjar("module", "build", "my-rule").status).toBe(0);
    const second = readlinkSync(join(folder, "my-rule/build/bundle"));
    expect(second).toMatch(/^bundles\/my-rule-1\.0\.1-[0-9a-f]{8}$/);
    expect(readFileSync(join(folder, "my-rule/build", first, "bundle.yaml"), "utf8")).toContain("version: 1.0.0");
    expect(nightjar("bundle", "verify", "my-rule/build/bundle").status).toBe(0);
  });

  it("that gives up says why, and where in its source", () => {
    edit(
      "my-rule/assembly/index.ts",
      "const source = frame",
      'assert(frame.objectCount < 2, "too many");\n    const source = frame',
    );
    const { status, stdout } = nightjar("module", "test", "my-rule", "--case", "says-it-once");
    expect(status).toBe(3);
    expect(stdout).toMatch(/frames 1 to 2: the module trapped: too many \(assembly\/index.ts:\d+:\d+\)\n/);
  });

  it("with a wrong bundle.yaml is not built, and the bundle from before stays", () => {
    const before = readlinkSync(join(folder, "my-rule/build/bundle"));
    edit("my-rule/bundle.yaml", "{limit: 3}", "{limits: 3}");
    const { status, stderr } = nightjar("module", "test", "my-rule");
    expect([status, stderr]).toEqual([3, expect.stringMatching(/my-rule\/bundle.yaml: parameter limits is not known/)]);
    expect(readlinkSync(join(folder, "my-rule/build/bundle"))).toBe(before);
    edit("my-rule/bundle.yaml", "{limits: 3}", "{limit: 3}");
  });

  it("that does not compile is refused with the place in the source", () => {
    edit("my-rule/assembly/index.ts", "frame.sourceId", "frame.sauceId");
    const { status, stderr } = nightjar("module", "build", "my-rule");
    expect(status).toBe(3);
    expect(stderr).toMatch(/Property 'sauceId' does not exist[\s\S]*assembly\/index.ts\(\d+,\d+\)/);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^module my-rule does not compile/);
  });
});

describe("a new decoder", () => {
  it("passes its own cases, can be measured, and says what it is", () => {
    expect(nightjar("module", "new", "rows", "--kind", "detect").status).toBe(0);
    const test = nightjar("module", "test", "rows");
    expect([test.stderr, test.status]).toEqual(["", 0]);
    const bench = nightjar("module", "bench", "rows", "--frames", "50", "--warm-up", "10", "--json");
    expect(JSON.parse(bench.stdout)[0]).toMatchObject({ name: "decodes rows", frames: 50, warmUp: 10 });
    const inspection = JSON.parse(nightjar("module", "inspect", "rows/build/rows.wasm", "--json").stdout);
    expect(inspection).toMatchObject({ kind: "detect", abi: "1.1", imports: ["function nightjar.log"], problems: [] });
    expect(Object.keys(inspection.manifest.parameters)).toEqual(["confidence-threshold"]);
  });
});

describe("a module that something else has built", () => {
  it("runs the cases that are named", () => {
    const wasm = resolve("build/modules/bytetrack.wasm");
    const { stdout, status } = nightjar("module", "test", wasm, "--cases", "my-rule/cases", "--case", "once");
    // The rule's cases do not fit the tracker, and it says so by itself.
    expect([status, stdout]).toEqual([
      3,
      expect.stringMatching(/parameter limit is not known to the module bytetrack/),
    ]);
  });
});

describe("what is refused with one line", () => {
  it.each([
    [["module", "new", "My_Rule"], 2, '"My_Rule" is no name of a module'],
    [["module", "new", "rule", "--kind", "both"], 2, '--kind: found "both", expected analyze or detect'],
    [["module", "new", "."], 2, "is no name of a module"],
    [["module", "build", "nowhere"], 3, "is no folder: expected the folder of a module"],
    [["module", "inspect", "nowhere.wasm"], 3, "nowhere.wasm cannot be read"],
    [["module", "test", resolve("build/modules/yolo.wasm")], 3, "build/modules/cases has no cases (*.yaml)"],
    [["replay", "nowhere.njrec"], 3, "nowhere.njrec cannot be read"],
  ])("%j", (args, code, message) => {
    const { status, stderr } = nightjar(...args);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(status).toBe(code);
  });
});
