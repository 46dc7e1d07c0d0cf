import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectory } from "../log/make-directory.ts";

/** Replaces a file so that after a power cut either the old or the new content is there, whole: write, sync, rename, sync. */
export function writeFileAtomically(path: string, content: string, mode = 0o600): void {
  makeDirectory(dirname(path));
  const temporary = `${path}.new`;
  const file = openSync(temporary, "w", mode);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
