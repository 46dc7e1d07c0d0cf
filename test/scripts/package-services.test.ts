import { execFileSync } from "node:child_process";
import { globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packagedProgram } from "../support/packaged.ts";

const ROOT = join(import.meta.dirname, "../..");

let home = "";
const nightjar = (...args: string[]): string =>
  execFileSync(join(home, "bin/nightjar"), args, {
    encoding: "utf8",
    env: { ...process.env, NIGHTJAR_NODE: process.execPath, NODE_COMPILE_CACHE: join(home, "cache") },
  });

describe("a packaged program", () => {
  beforeAll(() => {
    home = packagedProgram();
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test("is JavaScript, but for the templates of modules and what editors read", () => {
    const left = globSync("{services,sdk,firmware}/**/*.ts", { cwd: home });
    expect(left.filter((file) => !/^sdk\/|\/templates\//.test(file))).toEqual([]);
    expect(left).toContain("sdk/operator/index.ts");
    expect(readFileSync(join(home, "services/modules/source.js"), "utf8")).toContain('"assembly", "index.ts"');
  });

  test("runs, with its processes and threads", () => {
    expect(nightjar("--version").trim()).toMatch(/^\d+\.\d+\.\d+$/);
    expect(nightjar("validate", "-c", join(ROOT, "demo/nightjar.yaml"))).toContain("is valid");
    expect(nightjar("bundle", "verify", join(ROOT, "build/bundles/street"))).toContain("is sound");
  });

  test("finds its template and SDK for a new module", () => {
    nightjar("module", "new", join(home, "counter"));
    expect(globSync("counter/assembly/*.ts", { cwd: home })).not.toEqual([]);
  });
});
