import { join } from "node:path";
import type { Readable } from "node:stream";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { ManagedProcess, type ProcessSpec, type ProcessState } from "../../../services/supervisor/managed-process.ts";
import { waitUntil } from "../../support/wait.ts";

interface Word {
  readonly type: string;
  readonly fault?: "input" | "environment" | "internal";
  readonly message?: string;
  readonly lasting?: boolean;
}

const running: ManagedProcess<Word, Word>[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) await child.stop();
});

/** Starts one of the children beside this file, with short limits. */
function start(program: string, limits: Partial<ProcessSpec<Word>> = {}) {
  const states: ProcessState[] = [];
  const failures: string[] = [];
  const words: Word[] = [];
  const spec: ProcessSpec<Word> = {
    name: program,
    module: join(import.meta.dirname, "children", `${program}.ts`),
    args: [],
    execArgv: [],
    env: process.env,
    pipes: program === "steady" ? 2 : 0,
    startTimeoutMs: 10_000,
    hangTimeoutMs: 600,
    stopTimeoutMs: 300,
    restart: { delay: 10, maxDelay: 50, stableAfter: 60_000, limit: 2 },
    greeting: async () => ({ type: "start", settings: { cameras: [], profile: "portable" } }),
    farewell: { type: "stop" },
    meaning: (word) => ({
      ready: word.type === "ready",
      ...(word.type === "fatal"
        ? { fatal: { fault: word.fault ?? "internal", message: word.message ?? "", lasting: word.lasting ?? false } }
        : {}),
    }),
    ...limits,
  };
  const child = new ManagedProcess<Word, Word>(
    spec,
    {
      onMessage: (word) => words.push(word),
      onPipes: (pipes: readonly Readable[]) => pipes.forEach((pipe) => void pipe.resume()),
      onState: (state) => states.push(state),
      onFailed: (reason) => failures.push(reason),
    },
    pino({ level: "silent" }),
  );
  running.push(child);
  child.start();
  const is = (state: ProcessState) =>
    waitUntil(
      `${program} to be ${state}`,
      () => child.state === state,
      20_000,
      () => states.join(),
    );
  return { child, states, failures, words, is };
}

/** Whether the process is gone from the machine. */
function isGone(pid: number | undefined): boolean {
  try {
    process.kill(pid ?? 0, 0);
    return false;
  } catch {
    return true;
  }
}

describe("a process that is kept running", () => {
  it("is started, gets ready, and ends when it is asked to", async () => {
    const { child, states, is } = start("steady");
    await is("running");
    const { pid } = child;
    expect(await child.stop()).toBe("asked");
    expect(isGone(pid)).toBe(true);
    expect(states).toEqual(["starting", "running", "stopping", "stopped"]);
  });

  it("hears nothing before its greeting, which has the current state", async () => {
    const greeting = Promise.withResolvers<object>();
    const { child, is } = start("steady", { greeting: () => greeting.promise, startTimeoutMs: 20_000 });
    await waitUntil("a child", () => child.pid !== undefined);
    expect(child.send({ type: "removeCamera" })).toBe(false);
    greeting.resolve({ type: "start", settings: { cameras: [], profile: "portable" } });
    await is("running");
    expect(child.send({ type: "removeCamera" })).toBe(true);
  });

  it("is back soon after it was killed", async () => {
    const { child, is } = start("steady");
    await is("running");
    const first = child.pid;
    process.kill(first ?? 0, "SIGKILL");
    await waitUntil(
      "another process",
      () => child.pid !== undefined && child.pid !== first && child.state === "running",
    );
    expect(child.restarts).toBe(1);
    expect(isGone(first)).toBe(true);
  });

  it("is killed and started again when it gives no sign of life", async () => {
    const { child, states, is } = start("steady");
    await is("running");
    const first = child.pid;
    process.kill(first ?? 0, "SIGSTOP");
    await waitUntil("another process", () => child.pid !== undefined && child.pid !== first, 10_000);
    expect(child.reason).toContain("gave no sign of life for 600 ms");
    expect(isGone(first)).toBe(true);
    await is("running");
    expect(states.filter((state) => state === "waiting")).toHaveLength(1);
  });

  it("is killed when it does not get ready in time", async () => {
    const { failures, is } = start("mute", {
      startTimeoutMs: 300,
      restart: { delay: 1, maxDelay: 1, stableAfter: 1e9, limit: 1 },
    });
    await is("failed");
    expect(failures).toEqual([
      "was not ready 300 ms after its start and was killed; given up after 1 restarts in a row",
    ]);
  });

  it("is given up after the limit, with its last words", async () => {
    const { child, failures, is } = start("crashing");
    await is("failed");
    expect(child.restarts).toBe(2);
    expect(failures).toEqual([
      "exited with code 3 (its last words: the driver has gone away); given up after 2 restarts in a row",
    ]);
  });

  it("is given up at once when it cannot work with what it is given", async () => {
    const { child, failures, is } = start("refusing");
    await is("failed");
    expect(child.restarts).toBe(0);
    expect(failures).toEqual(["bundle x has no model"]);
  });

  it("is given up when it learns after its start that it never can work with what it is given", async () => {
    const { child, states, failures, is } = start("refusing", { args: ["--when-ready"] });
    await is("failed");
    expect(states).toContain("running");
    expect(child.restarts).toBe(0);
    expect(failures).toEqual(["bundle x has no model"]);
  });

  it("is killed in the end when it listens to nothing", async () => {
    const { child, is } = start("stubborn");
    await is("running");
    const { pid } = child;
    expect(await child.stop()).toBe("killed");
    expect(isGone(pid)).toBe(true);
  });

  it("does not come back when it is stopped while it waits for its restart", async () => {
    const { child, is } = start("crashing", {
      restart: { delay: 60_000, maxDelay: 60_000, stableAfter: 1e9, limit: 5 },
    });
    await is("waiting");
    expect(await child.stop()).toBe("gone");
    expect(child.state).toBe("stopped");
  });

  it("that is not there cannot be started, and that is said", async () => {
    const { failures, is } = start("no-such-child", { restart: { delay: 1, maxDelay: 1, stableAfter: 1e9, limit: 1 } });
    await is("failed");
    expect(failures[0]).toContain("exited with code 1");
  });
});
