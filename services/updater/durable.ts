/** File operations that a power cut does not undo: synced files, synced directories, one rename that counts. */
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { makeDirectory } from "../log/make-directory.ts";

/** Waits until the content of a file, or the names in a directory, are on the disk. */
export function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes a directory and those above it; when this returns their names are on the disk. */
export function makeDurableDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeDurableDirectory(dirname(path));
  makeDirectory(path);
  sync(dirname(path));
}

/** Writes a file and syncs it. Its name is on the disk only when its directory is synced too. */
export function writeSynced(path: string, content: string | Uint8Array, mode = 0o644): void {
  const file = openSync(path, "w", mode);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Replaces a file: after a power cut either the old or the new content is there, whole. */
export function replaceFile(path: string, content: string | Uint8Array, mode = 0o644): void {
  makeDurableDirectory(dirname(path));
  writeSynced(`${path}.new`, content, mode);
  moveDurably(`${path}.new`, path);
}

/** Renames, and waits until the new name is on the disk. What is moved has to be synced before. */
export function moveDurably(from: string, to: string): void {
  renameSync(from, to);
  sync(dirname(to));
}

/** Removes entries of a directory whose names satisfy `isGarbage`. */
export function sweep(directory: string, isGarbage: (name: string) => boolean): void {
  const names = statSync(directory, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(directory);
  for (const name of names) if (isGarbage(name)) rmSync(join(directory, name), { recursive: true, force: true });
}

/** An error of the disk in words. Errors of other kinds are returned as they are. */
export function diskProblem(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof ExpectedError || code === undefined) return error;
  const remedy =
    code === "ENOSPC" || code === "EDQUOT" ? "free space on this disk" : "check the disk and its permissions";
  return new ExpectedError(EXIT.environment, `${path} cannot be written (${code}): ${messageOf(error)}; ${remedy}`, {
    cause: error,
  });
}
