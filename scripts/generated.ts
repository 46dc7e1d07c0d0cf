// Files that are made from the code: each generator writes its own, and with --check says which are out of date instead.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

/**
 * @param files contents by path in the checkout
 * @param generator its path, for the remedy
 */
export function writeOrCheck(files: Readonly<Record<string, string>>, generator: string): void {
  const check = process.argv.includes("--check");
  const stale = Object.entries(files).filter(([name, content]) => content !== current(name));
  for (const [name, content] of stale) {
    if (check) console.error(`${name} is out of date; run: node ${generator}`);
    else write(name, content);
  }
  process.exitCode = check && stale.length > 0 ? 1 : 0;
}

function current(name: string): string | undefined {
  try {
    return readFileSync(join(ROOT, name), "utf8");
  } catch {
    return undefined;
  }
}

function write(name: string, content: string): void {
  mkdirSync(dirname(join(ROOT, name)), { recursive: true });
  writeFileSync(join(ROOT, name), content);
  console.error(`wrote ${name}`);
}
