/** Ending a child: ask, wait, SIGTERM, wait, SIGKILL. The result says which rung ended it. */
import type { ChildProcess } from "node:child_process";

export type Rung = "gone" | "asked" | "terminated" | "killed";

export interface LadderLimits {
  /** How long it may take after being asked, milliseconds. */
  readonly askMs: number;
  /** How long it may take after SIGTERM, milliseconds. */
  readonly terminateMs: number;
}

/** Resolves when the child is gone. `ask` tells the child in its own words; it may throw when the child no longer listens. */
export async function stopChild(child: ChildProcess, ask: () => void, limits: LadderLimits): Promise<Rung> {
  if (isGone(child)) return "gone";
  const exit = new Promise<"exit">((resolve) => child.once("exit", () => resolve("exit")));
  try {
    ask();
    if (await endsWithin(exit, limits.askMs)) return "asked";
  } catch {
    // The channel is closed: go on with the next rung at once.
  }
  if (isGone(child)) return "asked";
  child.kill("SIGTERM");
  if (await endsWithin(exit, limits.terminateMs)) return "terminated";
  child.kill("SIGKILL");
  await exit;
  return "killed";
}

function isGone(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

async function endsWithin(exit: Promise<"exit">, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), limitMs);
  });
  const first = await Promise.race([exit, late]);
  clearTimeout(timer);
  return first === "exit";
}
