import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const program = fileURLToPath(new URL("../../../bin/nightjar-host", import.meta.url));
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A program that says it is this version of Node and, when asked for more, prints how it was called. */
function nodeOfVersion(version: string): string {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-test-"));
  folders.push(folder);
  const file = join(folder, "node");
  writeFileSync(
    file,
    `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\necho "$MALLOC_MMAP_THRESHOLD_"; printf '%s\\n' "$@"\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

function start(version: string) {
  const env = { ...process.env, NIGHTJAR_NODE: nodeOfVersion(version) };
  return spawnSync(program, ["--socket", "/a b/c"], { encoding: "utf8", env });
}

describe("nightjar-host", () => {
  it.each(["v24.21.0", "v24.30.1", "v25.0.0", "v30.1.2"])("runs the host with Node %s", (version) => {
    const { status, stdout } = start(version);
    const [malloc, ...command] = stdout.trim().split("\n");
    expect(status).toBe(0);
    expect(malloc).toBe("67108864");
    expect(command[0]).toBe("--max-semi-space-size=1");
    expect(command[1]).toMatch(/services\/postprocess\/main\.ts$/);
    expect(command.slice(2)).toEqual(["--socket", "/a b/c"]);
  });

  it.each(["v18.19.0", "v20.20.2", "v24.3.0", "v24.20.9"])("refuses Node %s and says what is needed", (version) => {
    const { status, stderr } = start(version);
    expect(status).toBe(69);
    expect(stderr).toContain(`is ${version}, but 24.21 or newer is needed`);
  });
});
