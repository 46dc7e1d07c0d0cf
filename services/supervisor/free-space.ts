/** What may be written without taking the space that the outbox is promised (outbox.freeSpace). */
import { statfs } from "node:fs/promises";

/**
 * Bytes that may still be written in a directory while `share` (0 to 1) of its file system stays free; negative when it does
 * not, infinity when the file system does not tell.
 */
export async function roomIn(directory: string, share: number): Promise<number> {
  try {
    const { bavail, blocks, bsize } = await statfs(directory);
    return blocks === 0 ? Number.POSITIVE_INFINITY : (bavail - blocks * share) * bsize;
  } catch {
    // Writing there will say what is wrong.
    return Number.POSITIVE_INFINITY;
  }
}
