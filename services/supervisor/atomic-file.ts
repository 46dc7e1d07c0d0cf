import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, EXIT, ExpectedError } from "../log/errors.ts";
import { makeDirectory } from "../log/make-directory.ts";

/**
 * Replaces a file so that after a power cut either the old or the new content is there, whole: write, sync, rename, sync.
 * @throws ExpectedError when the disk is full or the directory may not be written.
 */
export function writeFileAtomically(path: string, content: string, mode = 0o600): void {
  try {
    replace(path, content, mode);
  } catch (error) {
    const code = codeOf(error);
    const remedy = code === "ENOSPC" ? "the disk is full: free space on it" : "check the disk and the permissions";
    throw new ExpectedError(EXIT.environment, `${path} cannot be written (${code ?? "unknown error"}); ${remedy}`, {
      cause: error,
    });
  }
}

function replace(path: string, content: string, mode: number): void {
  makeDirectory(dirname(path));
  const temporary = `${path}.new`;
  const file = openSync(temporary, "w", mode);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } catch (error) {
    // On a full disk, half a file is in the way.
    rmSync(temporary, { force: true });
    throw error;
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
