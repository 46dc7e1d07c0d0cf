/**
 * What time it is, as far as expiry is concerned. A device without a battery boots in the past, and whoever controls its
 * time server could make old metadata look fresh: time never counts as earlier than what was certain once.
 */
import { existsSync } from "node:fs";

/** systemd-timesyncd is there, and when it has the time it makes the file. */
const TIMESYNC_DIRECTORY = "/run/systemd/timesync";
const TIMESYNC_FILE = "/run/systemd/timesync/synchronized";

/** A clock that was set back by less is as good as one that was not. ms */
const TOLERANCE_MS = 5 * 60_000;

export interface ClockReading {
  /** ms since 1970: what expiry is judged by. */
  readonly time: number;
  /** Whether what is not expired by then may be called fresh. */
  readonly isCertain: boolean;
  /** Why not; empty when it is. */
  readonly reason: string;
}

export interface Clock {
  /** @param floor ms since 1970: the latest time that was certain */
  read(floor: number): ClockReading;
}

/**
 * The clock of this machine. @param trust "system": it is right (a battery, another time service); "auto": it is right once
 * systemd's time service says so, where that runs
 * @param built ms since 1970: no time before this version of Nightjar was made is possible
 */
export function systemClock(trust: "auto" | "system", built: number, now: () => number = Date.now): Clock {
  return {
    read: (floor) => {
      const lowest = Math.max(floor, built);
      const time = Math.max(now(), lowest);
      if (now() < lowest - TOLERANCE_MS) {
        const reason = `the clock is behind ${new Date(lowest).toISOString()}, which has passed: wait until it is set`;
        return { time, isCertain: false, reason };
      }
      if (trust === "auto" && existsSync(TIMESYNC_DIRECTORY) && !existsSync(TIMESYNC_FILE)) {
        return { time, isCertain: false, reason: "the clock is not synchronised yet" };
      }
      return { time, isCertain: true, reason: "" };
    },
  };
}
