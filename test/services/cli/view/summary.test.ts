import { expect, it } from "vitest";
import { neverPlayed, plainLine, summaryText } from "../../../../services/cli/view/summary.ts";
import { camera, status } from "./status.ts";

it("the summary of a run tells frames, objects, events, messages, latency and each camera", () => {
  expect(summaryText(status())).toBe(`ran 00:01:23: 2 468 frames, 7 404 objects, 10 events
1 234 messages published, 1 230 acknowledged, 0 dropped (mqtt://127.0.0.1:1883)
capture to publish: p50 42 ms, p95 80 ms, p99 88 ms

CAMERA  STATE    FRAMES  FPS   OBJECTS  IDS  EVENTS  MESSAGES  p50 ms  p99 ms
gate    playing  1 234   15.0  3 702    37   5       1 234     42      88
yard    starved  1 234   15.0  3 702    37   5       1 234     42      88`);
});

it("a camera that never played is named with its reason, one that is not enabled is not", () => {
  const cameras = [
    camera({ id: "a", everPlayed: false, state: "failed", reason: "401 Unauthorized" }),
    camera({ id: "b", everPlayed: false, state: "disabled" }),
  ];
  expect(neverPlayed(status({ cameras })).map(({ id }) => id)).toEqual(["a"]);
  expect(summaryText(status({ cameras }))).toContain("camera a never played: 401 Unauthorized");
});

it("the plain view is one line", () => {
  expect(plainLine(status())).toBe(
    "00:01:23  1/2 cameras playing (yard starved), 15.0 fps, 3 objects, 0.4 events/s, latency p50 42 ms p99 88 ms, 14.8 messages/s, broker connected",
  );
});
