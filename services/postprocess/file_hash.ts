// SHA-256 of files, computed once for each state of a file: a model of hundreds of megabytes that did not change is not
// read again when only the module beside it did.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

const KEPT = 256;
const known = new Map<string, string>();

/** Hexadecimal. Throws the system's error when the file cannot be read. */
export async function hashOfFile(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  // The time of the last change of the inode cannot be set by programs: a file that was written to has another.
  const key = [dev, ino, size, mtimeNs, ctimeNs].join(":");
  const before = known.get(key);
  if (before !== undefined) return before;
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const found = hash.digest("hex");
  if (known.size >= KEPT) known.delete(known.keys().next().value as string);
  known.set(key, found);
  return found;
}
