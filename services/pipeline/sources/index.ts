/** One file per kind of source; this is the list of them. */
import type { SourceSettings } from "../messages.ts";
import { planFile } from "./file.ts";
import { planImages } from "./images.ts";
import type { PlanContext, SourcePlan } from "./plan.ts";
import { planRtsp } from "./rtsp.ts";
import { planTest } from "./test.ts";
import { planV4l2 } from "./v4l2.ts";

export function planSource(source: SourceSettings, context: PlanContext): SourcePlan {
  switch (source.kind) {
    case "rtsp":
      return planRtsp(source, context);
    case "file":
      return planFile(source);
    case "v4l2":
      return planV4l2(source);
    case "test":
      return planTest(source);
    case "images":
      return planImages(source);
  }
}
