import { describe, expect, it } from "vitest";
import { assess, type Observation } from "../../../services/pipeline/assess.ts";

const limits = { startTimeoutMs: 5000, stallTimeoutMs: 1000 };

/** A camera that plays without a fault. */
const healthy: Observation = {
  sinceStart: 60_000,
  packets: 900,
  packetIdle: 10,
  decodedIdle: 20,
  sinceFirstDecoded: 59_000,
  inferredIdle: 40,
  heldBack: false,
  ended: false,
};

const fresh: Observation = {
  ...healthy,
  sinceStart: 100,
  packets: 0,
  packetIdle: null,
  decodedIdle: null,
  sinceFirstDecoded: null,
  inferredIdle: null,
};

describe("a camera is judged by its counters:", () => {
  it.each<[string, Observation, string, string | null]>([
    ["starting before its first frame", fresh, "starting", null],
    ["given up when nothing came in time", { ...fresh, sinceStart: 5000 }, "starting", "noPackets"],
    [
      "given up when packets came but no frame",
      { ...fresh, sinceStart: 5000, packets: 9, packetIdle: 5 },
      "starting",
      "noFrames",
    ],
    ["playing while frames come", healthy, "playing", null],
    ["starved when packets stop", { ...healthy, packetIdle: 600, decodedIdle: 600 }, "starved", null],
    [
      "given up when packets stay away",
      { ...healthy, packetIdle: 1000, decodedIdle: 1000 },
      "starved",
      "packetsStopped",
    ],
    ["stalled when packets come but frames stop", { ...healthy, decodedIdle: 600 }, "stalled", null],
    ["given up when frames stay away", { ...healthy, decodedIdle: 1000 }, "stalled", "framesStopped"],
    ["hung when frames do not come through inference", { ...healthy, inferredIdle: 1000 }, "hung", null],
    ["hung when none ever came through", { ...healthy, inferredIdle: null, sinceFirstDecoded: 1000 }, "hung", null],
    [
      "playing before inference had time for its first frame",
      { ...healthy, inferredIdle: null, sinceFirstDecoded: 900 },
      "playing",
      null,
    ],
    [
      "hung, not stalled, when the pipeline holds it back",
      { ...healthy, decodedIdle: 2000, inferredIdle: 2000, heldBack: true },
      "hung",
      null,
    ],
    ["ended at the end of its stream", { ...healthy, ended: true }, "ended", "endOfStream"],
  ])("%s", (_title, seen, state, loss) => {
    expect(assess(seen, limits)).toEqual({ state, loss });
  });
});
