// Zones as a module: objects with ids in, events out; counts as metadata of the frame, the regions of an object as its own.

import { Frame, Kind, Module, Parameters, Setup, Status, serve } from "../../../sdk";
import { SpecReader } from "./spec";
import { restoreZones, saveZones } from "./state";
import { ZoneTable } from "./zone";
import { Zones } from "./zones";

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

const SECOND: f64 = 1e9;
const LONGEST: f64 = 3600;

@final
class ZonesModule extends Module {
  private zones: Zones = changetype<Zones>(0);
  private reader: SpecReader = changetype<SpecReader>(0);
  /** For the next value of the parameter; the two change places. */
  private spare: ZoneTable = changetype<ZoneTable>(0);

  constructor() {
    super(Kind.Analyze);
  }

  init(setup: Setup): i32 {
    this.zones = new Zones();
    this.reader = new SpecReader(setup);
    this.spare = new ZoneTable();
    return Status.Ok;
  }

  /** A value that is wrong changes nothing. */
  configure(parameters: Parameters): i32 {
    const forgetAfter = parameters.number("forget-after", 2, 0, LONGEST);
    const outlines = parameters.flag("outlines", true);
    const at = parameters.textAt("zones");
    const bytes = parameters.textBytes("zones");
    if (parameters.result != Status.Ok) return parameters.result;
    if (!this.reader.read(at, bytes, outlines, this.spare)) return Status.BadParameter;
    const before = this.zones.table;
    this.zones.forgetAfter = <u64>(forgetAfter * SECOND);
    this.zones.change(this.spare);
    this.spare = before;
    return Status.Ok;
  }

  process(frame: Frame): i32 {
    this.zones.process(frame);
    return Status.Ok;
  }

  save(at: usize, capacity: i32): i32 {
    return saveZones(this.zones, at, capacity);
  }

  restore(at: usize, bytes: i32): i32 {
    return restoreZones(this.zones, at, bytes);
  }
}

serve(new ZonesModule());
