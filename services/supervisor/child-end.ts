/** The end of a child process: one race with named outcomes. Whoever loses the race is cancelled. */
import type { ChildProcess } from "node:child_process";

/** Why a child ended, in the order in which we would tell it. */
export type ChildEnd =
  /** It could not be started at all. */
  | { readonly kind: "not-started"; readonly error: Error }
  /** It was started and did not get ready in time; we killed it. */
  | { readonly kind: "start-timeout"; readonly afterMs: number }
  /** It gave no sign of life; we killed it. */
  | { readonly kind: "hung"; readonly afterMs: number }
  | { readonly kind: "signalled"; readonly signal: NodeJS.Signals }
  | { readonly kind: "exited"; readonly code: number };

export interface LifeSigns {
  /** Called by the watch to learn whether the child has said that it is ready. */
  isReady(): boolean;
  /** Signs of life seen so far; any change counts. */
  beats(): number;
}

export interface LifeLimits {
  readonly startTimeoutMs: number;
  readonly hangTimeoutMs: number;
}

/**
 * Silence is counted in looks, not in time: when this process itself was stopped or the machine slept, one look passes and not
 * the whole limit, so a healthy child is not killed for our own pause.
 */
const LOOKS = 10;

/** How long we read on after the child is gone, milliseconds. */
const DRAIN_MS = 200;

/** Resolves when the child is gone, and never before. */
export function childEnd(child: ChildProcess, signs: LifeSigns, limits: LifeLimits): Promise<ChildEnd> {
  const watch = watchLife(child, signs, limits);
  const gone = new Promise<ChildEnd>((resolve) => {
    child.once("error", (error) => {
      if (child.pid === undefined) resolve({ kind: "not-started", error });
    });
    child.once("exit", (code, signal) => {
      const end: ChildEnd = signal === null ? { kind: "exited", code: code ?? 0 } : { kind: "signalled", signal };
      // Its last messages and lines may still be on their way; a grandchild may hold the pipes open for ever.
      child.once("close", () => resolve(end));
      setTimeout(() => resolve(end), DRAIN_MS).unref();
    });
  });
  return gone.then((end) => {
    watch.stop();
    return end.kind === "signalled" ? (watch.verdict() ?? end) : end;
  });
}

function watchLife(child: ChildProcess, signs: LifeSigns, limits: LifeLimits) {
  let verdict: ChildEnd | undefined;
  let silentLooks = 0;
  let startLooks = 0;
  let lastBeats = signs.beats();
  const condemn = (end: ChildEnd) => {
    verdict = end;
    child.kill("SIGKILL");
  };
  const startEvery = limits.startTimeoutMs / LOOKS;
  const startTimer = setInterval(() => {
    if (signs.isReady()) return clearInterval(startTimer);
    startLooks += 1;
    if (startLooks >= LOOKS) condemn({ kind: "start-timeout", afterMs: limits.startTimeoutMs });
  }, startEvery);
  const hangTimer = setInterval(() => {
    const beats = signs.beats();
    silentLooks = beats === lastBeats && signs.isReady() ? silentLooks + 1 : 0;
    lastBeats = beats;
    if (silentLooks >= LOOKS) condemn({ kind: "hung", afterMs: limits.hangTimeoutMs });
  }, limits.hangTimeoutMs / LOOKS);
  return {
    verdict: () => verdict,
    stop: () => {
      clearInterval(startTimer);
      clearInterval(hangTimer);
    },
  };
}

/** The end in words: "was killed by SIGSEGV". */
export function describeEnd(end: ChildEnd): string {
  switch (end.kind) {
    case "not-started":
      return `could not be started: ${end.error.message}`;
    case "start-timeout":
      return `was not ready ${end.afterMs} ms after its start and was killed`;
    case "hung":
      return `gave no sign of life for ${end.afterMs} ms and was killed`;
    case "signalled":
      return `was killed by ${end.signal}`;
    case "exited":
      return `exited with code ${end.code}`;
  }
}
