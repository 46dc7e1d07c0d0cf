/**
 * Records every write, flush and FUA that a file system sends to its disk, and gives the disk back as it would be found if
 * the power had gone after any of them. No device mapper is needed: qemu-storage-daemon logs the writes (its blklogwrites
 * filter, in the format of Linux' dm-log-writes) and shows the disk as a file, which is mounted through a loop device.
 *
 * Wants root, qemu-storage-daemon, losetup, mkfs.ext4.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "./wait.ts";

const MAGIC = 0x6a736677736872n;
const FLUSH = 1;
const FUA = 2;
const DISCARD = 4;
const DISK_BYTES = 32 * 1024 * 1024;

interface Entry {
  readonly offset: number;
  readonly flags: number;
  readonly data: Buffer;
}

/** Why no crashes can be recorded here; undefined when they can. */
export function cannotRecord(): string | undefined {
  if (process.getuid?.() !== 0) return "root is needed for mounts";
  for (const program of ["qemu-storage-daemon", "losetup", "mkfs.ext4"]) {
    try {
      execFileSync("sh", ["-c", `command -v ${program}`], {
        stdio: "ignore",
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      });
    } catch {
      return `${program} is missing`;
    }
  }
  return existsSync("/dev/fuse") && existsSync("/dev/loop-control")
    ? undefined
    : "there is no /dev/fuse or /dev/loop-control";
}

export class CrashRecorder {
  readonly directory = mkdtempSync(join(tmpdir(), "nightjar-crash-"));
  /** The recorded file system. */
  readonly mountPoint = join(this.directory, "mount");
  #daemon: ChildProcess | undefined;
  #loop: string | undefined;

  /** Makes the file system and begins to record. */
  async start(): Promise<void> {
    const base = this.#path("base.img");
    writeFileSync(base, "");
    truncateSync(base, DISK_BYTES);
    run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", base);
    copyFileSync(base, this.#path("disk.img"));
    writeFileSync(this.#path("log"), "");
    writeFileSync(this.#path("export"), "");
    this.#daemon = spawn("qemu-storage-daemon", [
      ...["--blockdev", `driver=file,node-name=disk,filename=${this.#path("disk.img")}`],
      ...["--blockdev", `driver=file,node-name=log,filename=${this.#path("log")}`],
      ...["--blockdev", "driver=blklogwrites,node-name=writes,file=disk,log=log,log-super-update-interval=1"],
      ...["--export", `type=fuse,id=export,node-name=writes,mountpoint=${this.#path("export")},writable=on`],
    ]);
    await waitUntil("the recorded disk", () => statSync(this.#path("export")).size === DISK_BYTES, 10_000);
    this.#loop = run("losetup", "--find", "--show", this.#path("export")).trim();
    mkdirSync(this.mountPoint);
    run("mount", "-t", "ext4", this.#loop, this.mountPoint);
  }

  /** Writes so far: what is on the disk now survives a cut behind them. */
  entries(): number {
    return countEntries(this.#path("log"));
  }

  /** Ends the recording. @returns the number of points at which the power can have gone */
  async finish(): Promise<number> {
    run("umount", this.mountPoint);
    if (this.#loop !== undefined) run("losetup", "-d", this.#loop);
    this.#loop = undefined;
    const daemon = this.#daemon!;
    const gone = once(daemon, "exit");
    daemon.kill();
    await gone;
    this.#daemon = undefined;
    return this.entries();
  }

  /**
   * Mounts the disk as of each point, in ascending order, and looks at it.
   * @param drop which of the writes that were never flushed before the cut did not make it: an index and their number
   */
  async *crashes(
    points: readonly number[],
    drop?: (index: number, of: number) => boolean,
  ): AsyncGenerator<{ point: number; path: string }> {
    const entries = readEntries(this.#path("log"));
    const flushed = openSync(this.#path("flushed.img"), "w+");
    const crashed = this.#path("crashed.img");
    copyFileSync(this.#path("base.img"), this.#path("flushed.img"));
    let at = 0;
    let unflushed: Entry[] = [];
    try {
      for (const point of points) {
        for (; at < point; at++) {
          const entry = entries[at]!;
          if ((entry.flags & FLUSH) !== 0) {
            for (const waiting of unflushed) apply(flushed, waiting);
            unflushed = [];
          }
          // FUA passes the cache by; so do we, when what it may overtake was flushed or does not matter.
          if ((entry.flags & FUA) !== 0) apply(flushed, entry);
          else unflushed.push(entry);
        }
        copyFileSync(this.#path("flushed.img"), crashed);
        const image = openSync(crashed, "r+");
        const kept = unflushed.filter((_, index) => drop?.(index, unflushed.length) !== true);
        for (const entry of kept) apply(image, entry);
        closeSync(image);
        yield* this.#mounted(crashed, point);
      }
    } finally {
      closeSync(flushed);
    }
  }

  remove(): void {
    if (this.#loop !== undefined) run("sh", "-c", `umount ${this.mountPoint}; losetup -d ${this.#loop}; true`);
    this.#daemon?.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }

  async *#mounted(image: string, point: number): AsyncGenerator<{ point: number; path: string }> {
    const loop = run("losetup", "--find", "--show", image).trim();
    const path = join(this.directory, "crashed");
    mkdirSync(path, { recursive: true });
    run("mount", "-t", "ext4", loop, path);
    try {
      yield { point, path };
    } finally {
      run("umount", path);
      run("losetup", "-d", loop);
    }
  }

  #path(name: string): string {
    return join(this.directory, name);
  }
}

/** Entries in a log that is being written. */
export function countEntries(log: string): number {
  const head = Buffer.alloc(32);
  const file = openSync(log, "r");
  readSync(file, head, 0, head.length, 0);
  closeSync(file);
  return head.readBigUInt64LE(0) === MAGIC ? Number(head.readBigUInt64LE(16)) : 0;
}

function readEntries(log: string): Entry[] {
  const bytes = readFileSync(log);
  const count = Number(bytes.readBigUInt64LE(16));
  const sector = bytes.readUInt32LE(24);
  const entries: Entry[] = [];
  let at = sector;
  for (let i = 0; i < count; i++) {
    const offset = Number(bytes.readBigUInt64LE(at)) * sector;
    const length = Number(bytes.readBigUInt64LE(at + 8)) * sector;
    const flags = Number(bytes.readBigUInt64LE(at + 16));
    at += sector;
    const hasData = (flags & DISCARD) === 0;
    entries.push({ offset, flags, data: hasData ? bytes.subarray(at, at + length) : Buffer.alloc(0) });
    if (hasData) at += length;
  }
  return entries;
}

function apply(image: number, { offset, data }: Entry): void {
  if (data.length > 0) writeSync(image, data, 0, data.length, offset);
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
}
