import type { V4l2Source } from "../messages.ts";
import { fraction } from "./framerate.ts";
import { type SourcePlan, setting, textSetting } from "./plan.ts";

const mediaTypes: Readonly<Record<V4l2Source["format"], readonly string[]>> = {
  auto: ["video/x-raw", "image/jpeg"],
  raw: ["video/x-raw"],
  mjpeg: ["image/jpeg"],
};

function capsOf(source: V4l2Source): string {
  const fields = [
    source.width > 0 ? `width=${source.width}` : null,
    source.height > 0 ? `height=${source.height}` : null,
    source.framerate > 0 ? `framerate=${fraction(source.framerate)}` : null,
  ].filter((field) => field !== null);
  return mediaTypes[source.format].map((type) => [type, ...fields].join(",")).join(";");
}

export function planV4l2(source: V4l2Source): SourcePlan {
  return {
    description: "v4l2src name=source ! capsfilter name=wanted ! njprobe name=packets ! decodebin name=decoder",
    properties: [setting("source", "device", source.device), textSetting("wanted", "caps", capsOf(source))],
    live: true,
    paced: false,
    loops: false,
    ends: false,
    address: source.device,
    remote: true,
  };
}
