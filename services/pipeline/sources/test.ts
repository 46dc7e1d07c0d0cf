import type { TestSource } from "../messages.ts";
import { fraction } from "./framerate.ts";
import { BadSource, type SourcePlan, setting, textSetting } from "./plan.ts";

/** The only word from outside that goes into gst-launch text: that way GStreamer refuses a pattern that it does not know. */
const word = /^[a-z0-9-]+$/i;

export function planTest(source: TestSource): SourcePlan {
  if (!word.test(source.pattern)) {
    throw new BadSource(
      `"${source.pattern}" is no test pattern; expected smpte, ball, snow or another of videotestsrc`,
    );
  }
  const caps = `video/x-raw,format=I420,width=${source.width},height=${source.height},framerate=${fraction(source.framerate)}`;
  return {
    description: `videotestsrc name=source pattern=${source.pattern} ! capsfilter name=wanted`,
    properties: [
      setting("source", "is-live", source.realtime),
      setting("source", "num-buffers", source.frames > 0 ? source.frames : -1),
      textSetting("wanted", "caps", caps),
    ],
    live: source.realtime,
    paced: false,
    loops: false,
    ends: source.frames > 0,
    address: `test pattern ${source.pattern}`,
    remote: false,
  };
}
