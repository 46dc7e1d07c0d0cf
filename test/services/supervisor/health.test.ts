import { describe, expect, it } from "vitest";
import { type CameraFacts, cameraHealth } from "../../../services/supervisor/health.ts";

const NOW = 1_000_000;
const LIMITS = { stallMs: 5000 };

/** A camera that plays. */
const PLAYING: CameraFacts = {
  pipelineUp: true,
  pipelineFailed: false,
  postprocessUp: true,
  reported: "playing",
  problem: null,
  lastPacketAt: NOW - 60,
  lastDecodedAt: NOW - 60,
  lastInferredAt: NOW - 90,
  lastPublishedAt: NOW - 100,
};

const LONG_AGO = NOW - 6000;

describe("the state of a camera", () => {
  it.each<[string, Partial<CameraFacts>, string, string]>([
    ["everything flows", {}, "playing", ""],
    [
      "nothing was decoded yet",
      { lastDecodedAt: null, reported: "starting" },
      "starting",
      "waiting for the first frame",
    ],
    [
      "it is tried again after it failed",
      { lastDecodedAt: null, reported: "starting", problem: "no route to host" },
      "failed",
      "no route to host",
    ],
    ["packets stopped", { lastPacketAt: LONG_AGO }, "starved", "no data from the camera for 6.0 s"],
    [
      "packets stopped, and all behind them too",
      { lastPacketAt: LONG_AGO, lastDecodedAt: LONG_AGO, lastInferredAt: LONG_AGO },
      "starved",
      "no data from the camera for 6.0 s",
    ],
    [
      "the decoder gives nothing",
      { lastDecodedAt: LONG_AGO, lastInferredAt: LONG_AGO },
      "stalled",
      "data comes, but no frame out of the decoder for 6.0 s",
    ],
    [
      "inference gives nothing",
      { lastInferredAt: LONG_AGO },
      "hung",
      "frames come, but none through inference for 6.0 s",
    ],
    ["nothing is published", { lastPublishedAt: LONG_AGO }, "playing", "nothing published for 6.0 s"],
    ["nothing was published yet", { lastPublishedAt: null }, "playing", ""],
    ["the source has ended", { reported: "ended", lastPacketAt: LONG_AGO }, "ended", "the source has reached its end"],
    ["the source ended early", { reported: "ended", problem: "cut off" }, "ended", "cut off"],
    ["the source cannot be played", { reported: "failed", problem: "401 Unauthorized" }, "failed", "401 Unauthorized"],
    ["the pipeline noticed starvation first", { reported: "starved", problem: "silent" }, "starved", "silent"],
    ["the pipeline noticed a stall first", { reported: "stalled", problem: "silent" }, "stalled", "silent"],
    ["the pipeline noticed a hang first", { reported: "hung", problem: "silent" }, "hung", "silent"],
    ["the pipeline process restarts", { pipelineUp: false }, "starting", "the pipeline process is starting"],
    [
      "it ended before the pipeline process did",
      { pipelineUp: false, reported: "ended" },
      "ended",
      "the source has reached its end",
    ],
    ["the pipeline process is given up", { pipelineFailed: true }, "failed", "the pipeline process has been given up"],
    [
      "the postprocess process restarts",
      { postprocessUp: false, lastInferredAt: LONG_AGO, reported: "hung" },
      "playing",
      "frames pass without objects: the postprocess process is starting",
    ],
    ["a step is just in time", { lastPacketAt: NOW - 5000 }, "playing", ""],
  ])("%s", (_, facts, state, reason) => {
    expect(cameraHealth({ ...PLAYING, ...facts }, NOW, LIMITS)).toEqual({ state, reason });
  });

  it("changes with the clock alone", () => {
    const states = [0, 4000, 5000, 6000].map((later) => cameraHealth(PLAYING, NOW + later, LIMITS).state);
    expect(states).toEqual(["playing", "playing", "starved", "starved"]);
  });
});
