/** Where log lines go: written at once and whole, and never a reason to stop. */
import { openSync, writeSync } from "node:fs";
import { codeOf } from "./errors.ts";

/** A reader that is slow for longer than this loses the line: video does not wait for a log. Tries, and milliseconds between. */
const TRIES = 20;
const PAUSE_MS = 5;

const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Lines that cannot be written (disk full, reader gone) are left out and counted. It goes on by itself when writing works again.
 */
export class LogSink {
  readonly #fd: number;
  readonly #onTrouble: (code: string) => void;
  #lost = 0;
  /** A line was cut off in the middle. */
  #torn = false;

  /** @param onTrouble told once for each time of trouble, with the system's error code */
  constructor(fd: number, onTrouble: (code: string) => void = () => {}) {
    this.#fd = fd;
    this.#onTrouble = onTrouble;
  }

  /** Appends to a file. @throws the system's error when it cannot be opened. */
  static toFile(file: string, onTrouble: (code: string) => void): LogSink {
    return new LogSink(openSync(file, "a", 0o640), onTrouble);
  }

  /** Lines left out since the last one that was written. */
  get lost(): number {
    return this.#lost;
  }

  write(line: string): void {
    let rest = Buffer.from(this.#torn ? `\n${line}` : line);
    const whole = rest.length;
    try {
      while (rest.length > 0) rest = rest.subarray(writeSome(this.#fd, rest));
      this.#torn = false;
      this.#lost = 0;
    } catch (error) {
      this.#torn ||= rest.length < whole;
      this.#lost += 1;
      if (this.#lost === 1) this.#onTrouble(codeOf(error) ?? "unknown error");
    }
  }
}

function writeSome(fd: number, bytes: Buffer): number {
  for (let left = TRIES; ; left--) {
    try {
      return writeSync(fd, bytes);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN" || left === 0) throw error;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
  }
}
