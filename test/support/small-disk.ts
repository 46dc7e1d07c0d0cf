/** A small ext4 file system of its own, that can be filled, made read-only and frozen. Wants root and loop devices. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const FILLER = "filler";

/** Why there can be none here; undefined when there can. */
export function cannotMount(): string | undefined {
  if (process.getuid?.() !== 0) return "root is needed for mounts";
  return existsSync("/dev/loop-control") ? undefined : "there is no /dev/loop-control";
}

export class SmallDisk {
  readonly #directory = mkdtempSync(join(tmpdir(), "nightjar-disk-"));
  readonly path = join(this.#directory, "mount");
  readonly #image = join(this.#directory, "image");
  #frozen = false;

  constructor(megabytes = 16) {
    const image = this.#image;
    writeFileSync(image, "");
    truncateSync(image, megabytes * 1024 * 1024);
    run("mkfs.ext4", "-q", "-m", "0", image);
    mkdirSync(this.path);
    run("mount", "-o", "loop", image, this.path);
  }

  /** Leaves so many bytes free. */
  fill(leave: number): void {
    const { bavail, bsize } = statfsSync(this.path);
    const bytes = Math.max(0, bavail * bsize - leave);
    if (bytes > 0)
      run(
        "dd",
        "if=/dev/zero",
        `of=${join(this.path, FILLER)}`,
        "bs=4096",
        `count=${Math.floor(bytes / 4096)}`,
        "conv=fsync",
        "oflag=append",
        "conv=notrunc,fsync",
      );
  }

  empty(): void {
    rmSync(join(this.path, FILLER), { force: true });
  }

  remount(how: "ro" | "rw"): void {
    run("mount", "-o", `remount,${how}`, this.path);
  }

  /** The file system finds an error and becomes read-only, as after a bad sector. */
  breakDown(): void {
    run("mount", "-o", "remount,errors=remount-ro", this.path);
    const device = execFileSync("findmnt", ["-no", "SOURCE", this.path], { encoding: "utf8" }).trim();
    writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, "test");
  }

  /** What a person does then. False while a file is still open there. */
  repair(): boolean {
    try {
      run("umount", this.path);
    } catch {
      return false;
    }
    // Exit code 1: errors were corrected.
    run("sh", "-c", `e2fsck -fp ${this.#image}; [ $? -le 1 ]`);
    run("mount", "-o", "loop", this.#image, this.path);
    return true;
  }

  /** From now on, every write waits. */
  freeze(): void {
    run("fsfreeze", "--freeze", this.path);
    this.#frozen = true;
  }

  thaw(): void {
    if (this.#frozen) run("fsfreeze", "--unfreeze", this.path);
    this.#frozen = false;
  }

  remove(): void {
    this.thaw();
    run("umount", "-l", this.path);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
}
