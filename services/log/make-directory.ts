import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory and those above it, like mkdir -p. Node's own recursive way never returns where the file system answers ENOENT
 * to every mkdir, as /proc does.
 */
export function makeDirectory(path: string, mode = 0o755): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path, { mode });
}
