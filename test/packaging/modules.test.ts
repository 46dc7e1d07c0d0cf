import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** e_machine of an ELF file. */
const MACHINE = { amd64: 62, arm64: 183 } as const;
const dependencies = Object.keys(
  (JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> }).dependencies,
);

describe.each(["amd64", "arm64"] as const)("the npm packages for %s", (architecture) => {
  let out: string;
  beforeAll(() => {
    out = mkdtempSync(join(tmpdir(), "nightjar-npm-"));
    const { status, stderr } = spawnSync("node", ["scripts/package-modules.ts", architecture, out], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
  }, 120_000);
  afterAll(() => rmSync(out, { recursive: true }));

  it("have native parts for this machine only", () => {
    const files = globSync(`${out}/node_modules/**/*.{node,so,so.*,dylib,dll}`);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(readFileSync(file).readUInt16LE(18), file).toBe(MACHINE[architecture]);
  });

  it("have no package that only development needs", () => {
    expect(globSync(`${out}/node_modules/{typescript,vitest,node-gyp,nan,@types,@biomejs}`)).toEqual([]);
  });

  it("keep the licence of each package that has one", () => {
    const licences = (root: string, name: string) =>
      globSync(`${root}/node_modules/${name}/*`).filter((file) => /licen[cs]e/i.test(file));
    const missing = dependencies.filter((name) => licences(".", name).length > licences(out, name).length);
    expect(missing).toEqual([]);
  });

  // What cannot run here can at least be found here. node-gtk gets its native part from scripts/package.
  it.skipIf(architecture !== "amd64" || process.arch !== "x64")("can all be loaded", () => {
    const names = dependencies
      .filter((name) => name !== "node-gtk")
      .map((name) => (name === "assemblyscript" ? "assemblyscript/asc" : name));
    const program = join(out, "load.mjs");
    writeFileSync(program, `for (const name of ${JSON.stringify(names)}) await import(name);\nprocess.exit(0);\n`);
    const { status, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8", env: {} });
    expect(status, stderr).toBe(0);
  });
});
