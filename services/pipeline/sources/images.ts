import type { ImagesSource } from "../messages.ts";
import { fraction } from "./framerate.ts";
import { BadSource, type SourcePlan, setting, textSetting } from "./plan.ts";

const mediaType = (location: string): string => (/\.png$/i.test(location) ? "image/png" : "image/jpeg");

/** multifilesrc gives the path to printf: anything but one plain number in it would read wild memory. */
const onePrintfNumber = /^[^%]*%(0\d+)?d[^%]*$/;

export function planImages(source: ImagesSource): SourcePlan {
  if (!onePrintfNumber.test(source.location)) {
    throw new BadSource(`"${source.location}" must hold exactly one number such as %05d, and no other % sign`);
  }
  return {
    description: "multifilesrc name=source ! njprobe name=packets ! decodebin name=decoder",
    properties: [
      setting("source", "location", source.location),
      setting("source", "start-index", source.firstIndex),
      setting("source", "index", source.firstIndex),
      setting("source", "loop", source.loop),
      textSetting("source", "caps", `${mediaType(source.location)},framerate=${fraction(source.framerate)}`),
    ],
    live: source.realtime,
    paced: source.realtime,
    // multifilesrc goes round by itself.
    loops: false,
    ends: !source.loop,
    address: source.location,
    remote: false,
  };
}
