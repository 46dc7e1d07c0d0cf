// Resident memory of several processes together, from /proc/PID/smaps: what they share (the program, libraries, the link's
// memory) counts once. Their VmRSS, added up, would count Node itself once for each process.
import { readFileSync } from "node:fs";

const MAPPING = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)$/;
const AMOUNT = /^(Rss|Anonymous):\s+(\d+) kB$/;

interface Resident {
  /** Nobody else's: heaps, stacks, what was written into private mappings. kB. */
  own: number;
  /** By the file that is mapped. kB. */
  files: Map<string, number>;
}

/** Bytes. */
export function residentTogether(pids: readonly number[]): number {
  const parts = pids.map(residentOf);
  const files = new Map<string, number>();
  for (const part of parts)
    for (const [file, amount] of part.files) files.set(file, Math.max(amount, files.get(file) ?? 0));
  const own = parts.reduce((sum, part) => sum + part.own, 0);
  return 1024 * [...files.values()].reduce((sum, amount) => sum + amount, own);
}

function residentOf(pid: number): Resident {
  const resident: Resident = { own: 0, files: new Map() };
  let file = "";
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    file = MAPPING.exec(line)?.[1] ?? file;
    const [, what, amount] = AMOUNT.exec(line) ?? [];
    if (what === undefined) continue;
    const kilobytes = Number(amount);
    // Anonymous is the part of Rss that is not the file's.
    if (what === "Anonymous") resident.own += kilobytes;
    const ofFile = what === "Rss" ? kilobytes : -kilobytes;
    resident.files.set(file, (resident.files.get(file) ?? 0) + ofFile);
  }
  return resident;
}
