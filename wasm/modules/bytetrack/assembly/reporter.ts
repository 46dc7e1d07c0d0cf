// The two events of a tracker: "appeared" once a track has been confirmed by some detections, "left" when such a track is
// over. Value: the seconds from the first detection to the last one so far. An event that finds no place in its frame is
// told in the next one.

import { Frame } from "../../../sdk";
import { Settings } from "./settings";
import { State, Track } from "./track";

const NANOSECONDS: f64 = 1e9;

@final
export class Reporter {
  constructor(private readonly settings: Settings) {}

  report(track: Track, frame: Frame): void {
    if (track.state == State.Tracked && !track.appeared && track.hits >= this.settings.confirmFrames) {
      if (this.tell("appeared", track, frame)) track.appeared = 1;
    } else if (track.state == State.Leaving) {
      if (!track.appeared || this.tell("left", track, frame)) track.state = State.Free;
    }
  }

  private tell(type: string, track: Track, frame: Frame): bool {
    if (frame.eventsFull) return false;
    const event = frame.addEvent(type);
    event.objectId = track.id;
    event.object = track.state == State.Tracked && track.detection >= 0 ? track.out : -1;
    event.x = <f32>(track.left + track.width / 2);
    event.y = <f32>(track.top + track.height / 2);
    event.value = track.lastTime > track.firstTime ? <f64>(track.lastTime - track.firstTime) / NANOSECONDS : 0;
    frame.setClass(event, track.classId);
    return true;
  }
}
