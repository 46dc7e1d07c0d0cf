import { expect, it } from "vitest";
import { newsText } from "../../../services/cli/news-text.ts";
import type { News } from "../../../services/control/event-hub.ts";

const time = new Date(2026, 0, 2, 12, 3, 45, 120).getTime();

it.each<[Omit<News, "time">, string]>([
  [
    {
      type: "event",
      camera: "gate",
      data: { type: "appeared", rule: "", value: 0.1333, object: { id: "12", classId: 0, label: "car" } },
    },
    "event   gate appeared car #12 0.13",
  ],
  [
    {
      type: "event",
      camera: "gate",
      data: { type: "crossed", rule: "north", object: { id: "7", classId: 4, label: "" } },
    },
    "event   gate crossed class 4 #7 north",
  ],
  [
    {
      type: "event",
      camera: "gate",
      data: { type: "line-crossing", rule: "exit", direction: "in", value: 3, object: { id: "7", label: "car" } },
    },
    "event   gate line-crossing car #7 exit in 3",
  ],
  [
    { type: "event", camera: "gate", data: { type: "left", object: { id: "7711046316003950751", label: "bus" } } },
    "event   gate left bus #159",
  ],
  [{ type: "event", camera: "gate", data: { other: 1 } }, 'event   gate {"other":1}'],
  [
    { type: "camera", camera: "gate", data: { change: "state", state: "starved", reason: "no data" } },
    "camera  gate is starved: no data",
  ],
  [{ type: "camera", camera: "gate", data: { change: "added" } }, "camera  gate added"],
  [
    {
      type: "bundle",
      data: {
        element: "infer",
        bundle: { name: "street", version: "1.1.0" },
        step: "module given-up",
        reason: "it trapped",
        ms: 0,
        framesWithoutObjects: 12,
      },
    },
    "bundle  street 1.1.0 for infer: module given-up: it trapped (12 frames without objects)",
  ],
  [{ type: "process", data: { name: "pipeline", state: "running", reason: "" } }, "process pipeline is running"],
  [{ type: "objects", camera: "gate", data: { objects: ["1|2|3|4|5|car"] } }, "objects gate 1|2|3|4|5|car"],
  [{ type: "objects", camera: "gate", data: { objects: [] } }, "objects gate no objects"],
])("%j is one line", (news, line) => {
  expect(newsText({ time, ...news }, false)).toBe(`12:03:45.120 ${line}`);
});
