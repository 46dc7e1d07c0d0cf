import { describe, expect, it } from "vitest";
import type { Status } from "../../../services/supervisor/status.ts";
import { isReady, Progress, type ProgressFacts, statusLine, updateStep } from "../../../services/systemd/progress.ts";
import { camera as view, status as viewOfAll } from "../cli/view/status.ts";

type Camera = ProgressFacts["cameras"][number];
const SECOND = 1000;

const camera = (changes: Partial<Camera> = {}): Camera => ({
  id: "gate",
  state: "playing",
  reason: "",
  frames: 0,
  ...changes,
});
const facts = (changes: Partial<ProgressFacts> = {}): ProgressFacts => ({
  cameras: [],
  outbox: { commitMs: 0, problem: "" },
  loopDelayMs: 20,
  update: undefined,
  ...changes,
});

/** What is said when things have been so for this long. */
function wordAfter(ms: number, look: ProgressFacts): string | undefined {
  const progress = new Progress({ stallMs: () => 10 * SECOND });
  progress.stuck(look, 0);
  return progress.stuck(look, ms);
}

describe("the watchdog is fed", () => {
  it.each(["disabled", "ended", "failed", "starved", "stalled"] as const)(
    "while a camera is %s, for a week",
    (state) => {
      expect(wordAfter(7 * 86_400 * SECOND, facts({ cameras: [camera({ state })] }))).toBeUndefined();
    },
  );

  it("while frames come, however long", () => {
    const progress = new Progress({ stallMs: () => 10 * SECOND });
    const looks = [0, 1, 2, 3].map((n) => progress.stuck(facts({ cameras: [camera({ frames: n })] }), n * 39 * SECOND));
    expect(looks).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("while the disk fails and says so: a restart would lose what waits in memory", () => {
    const outbox = { commitMs: 3600 * SECOND, problem: "the disk is full" };
    expect(wordAfter(3600 * SECOND, facts({ outbox }))).toBeUndefined();
  });

  it("again as soon as a camera that hung plays", () => {
    const progress = new Progress({ stallMs: () => 10 * SECOND });
    const look = (state: Camera["state"], at: number) =>
      progress.stuck(facts({ cameras: [camera({ state })] }), at * SECOND);
    look("hung", 0);
    expect(look("hung", 70)).toBeDefined();
    expect(look("playing", 75)).toBeUndefined();
  });

  it("while a removed camera's mark is gone, and the next camera of that name starts anew", () => {
    const progress = new Progress({ stallMs: () => 10 * SECOND });
    const hung = facts({ cameras: [camera({ state: "hung" })] });
    progress.stuck(hung, 0);
    progress.stuck(facts(), 50 * SECOND);
    expect(progress.stuck(hung, 100 * SECOND)).toBeUndefined();
  });
});

describe("the watchdog is not fed", () => {
  it.each([
    [
      "a camera hangs for a minute",
      61,
      facts({ cameras: [camera({ state: "hung", reason: "none through inference" })] }),
      "camera gate: none through inference",
    ],
    [
      "a camera plays without frames",
      41,
      facts({ cameras: [camera()] }),
      "camera gate: no new frame for 41 s, and nobody says why",
    ],
    [
      "a camera starts for ever",
      301,
      facts({ cameras: [camera({ state: "starting", reason: "waiting" })] }),
      "camera gate: starting for 301 s (waiting)",
    ],
    ["the event loop is late", 0, facts({ loopDelayMs: 750 }), "the event loop is 750 ms late (limit 500 ms)"],
    [
      "a commit does not end",
      0,
      facts({ outbox: { commitMs: 61_000, problem: "" } }),
      "the outbox has been writing for 61 s",
    ],
    [
      "the updater stands still",
      3601,
      facts({ update: "downloading 5" }),
      "the updater has been at one step (downloading 5) for 3601 s",
    ],
  ])("when %s", (_, seconds, look, expected) => {
    expect(wordAfter(seconds * SECOND, look)).toBe(expected);
  });

  it("a camera that may be silent for long is given its time", () => {
    const progress = new Progress({ stallMs: () => 300 * SECOND });
    const look = facts({ cameras: [camera()] });
    progress.stuck(look, 0);
    expect(progress.stuck(look, 320 * SECOND)).toBeUndefined();
    expect(progress.stuck(look, 331 * SECOND)).toBeDefined();
  });
});

describe("the service is ready", () => {
  const up = viewOfAll().processes.map((each) => ({ ...each, state: "running" as const }));
  const status = (...cameras: Partial<Status["cameras"][number]>[]): Status => ({
    ...viewOfAll(),
    processes: up,
    cameras: cameras.map((changes) => view({ everPlayed: false, ...changes })),
  });

  it("when the first camera delivers, though others still start", () => {
    expect(isReady(status({ state: "starting" }, { state: "playing", everPlayed: true }))).toBe(true);
  });
  it("not while all cameras start", () => {
    expect(isReady(status({ state: "starting" }, { state: "failed" }))).toBe(false);
  });
  it("when every camera has a reason not to deliver", () => {
    expect(isReady(status({ state: "failed" }, { state: "disabled" }))).toBe(true);
  });
  it("with no camera at all, when the processes run", () => {
    expect(isReady(status())).toBe(true);
    const processes = up.map((each) => ({ ...each, state: "starting" as const }));
    expect(isReady({ ...status(), processes })).toBe(false);
  });
  it("and its status line names cameras that do not play", () => {
    const line = statusLine(status({ id: "gate", state: "playing" }, { id: "yard", state: "starved" }));
    expect(line).toMatch(/^1 of 2 cameras play; yard starved; broker /);
  });
});

it("an update's step is a new one with every piece that was fetched", () => {
  const fetching = { enabled: true, state: "downloading", progress: { done: 5, of: 9 } } as const;
  expect(updateStep(fetching)).toBe("downloading 5 of 9 bytes");
  expect(updateStep({ ...fetching, state: "probation", progress: null })).toBe("probation");
  expect(updateStep({ ...fetching, state: "idle" })).toBeUndefined();
  expect(updateStep({ ...fetching, enabled: false })).toBeUndefined();
});
