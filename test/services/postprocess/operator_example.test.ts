/** The example of docs/operators.md, as its reader tries it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "nightjar-operator-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function verify(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    resolve("bin/nightjar"),
    ["bundle", "verify", join(folder, "crowd"), ...options],
    { encoding: "utf8" },
  );
  return { status, text: stdout + stderr };
}

it("is refused until it may run, then starts, and what is no TypeScript is said with its place", {
  timeout: 240_000,
}, () => {
  const page = readFileSync("docs/operators.md", "utf8");
  const block = (language: string) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";
  mkdirSync(join(folder, "crowd"));
  writeFileSync(join(folder, "crowd/rule.ts"), block("ts"));
  writeFileSync(join(folder, "crowd/bundle.yaml"), block("yaml"));
  expect(verify()).toEqual({ status: 3, text: expect.stringContaining("modules.operators of the configuration") });
  expect(verify("--run-operator")).toEqual({
    status: 0,
    text: expect.stringContaining("crowd 1.0.0 (analyze) is sound"),
  });
  writeFileSync(join(folder, "crowd/rule.ts"), block("ts").replace("override save", "overide save"));
  expect(verify("--run-operator")).toEqual({
    status: 3,
    text: expect.stringMatching(/cannot be loaded: [\s\S]*overide save/),
  });
});
