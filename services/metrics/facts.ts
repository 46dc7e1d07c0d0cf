/** What the metrics are read from, once for each scrape. */
import type { MachineView } from "../machine/machine.ts";
import type { Status } from "../supervisor/status.ts";
import type { UpdateStatus } from "../updater/types.ts";

export interface Facts {
  readonly status: Status;
  readonly update: UpdateStatus;
  readonly machine: MachineView;
  readonly isReady: boolean;
  /** Bundles that are not tried by themselves. */
  readonly quarantined: number;
}
