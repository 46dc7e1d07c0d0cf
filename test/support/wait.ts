/** Waits on conditions with a deadline, and says what it was waiting for. */
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 10;

/** Resolves with the first value of `look` that is neither undefined, null nor false. */
export async function waitUntil<Value>(
  what: string,
  look: () => Value | undefined | null | false | Promise<Value | undefined | null | false>,
  limitMs = 5000,
  details: () => string = () => "",
): Promise<Value> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== null && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms for ${what} ${details()}`.trim());
    await sleep(pollMs);
  }
}
