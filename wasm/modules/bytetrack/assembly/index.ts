// ByteTrack as a module: objects in, objects with ids out, "appeared" and "left" as events.

import { Frame, Kind, line, Module, Parameters, Setup, Status, serve } from "../../../sdk";
import { restoreTracker, saveTracker } from "./state";
import { Tracker } from "./tracker";

export {
  nj_abi,
  nj_alloc,
  nj_configure,
  nj_init,
  nj_kind,
  nj_process,
  nj_restore,
  nj_save,
} from "../../../sdk/exports";

/** The matching keeps a number for each pair of a track and an object. */
const MAX_OBJECTS: i32 = 2048;

@final
class ByteTrack extends Module {
  private tracker: Tracker = changetype<Tracker>(0);

  constructor() {
    super(Kind.Analyze);
  }

  init(setup: Setup): i32 {
    if (setup.maxObjects > MAX_OBJECTS) {
      line("limits.objects is ").integer(setup.maxObjects).text(", bytetrack can do ").integer(MAX_OBJECTS).error();
      return Status.BadLimits;
    }
    this.tracker = new Tracker(setup);
    return Status.Ok;
  }

  configure(parameters: Parameters): i32 {
    return this.tracker.settings.read(parameters);
  }

  process(frame: Frame): i32 {
    this.tracker.process(frame);
    return Status.Ok;
  }

  save(at: usize, capacity: i32): i32 {
    return saveTracker(this.tracker, at, capacity);
  }

  restore(at: usize, bytes: i32): i32 {
    return restoreTracker(this.tracker, at, bytes);
  }
}

serve(new ByteTrack());
