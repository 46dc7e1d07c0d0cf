/** Counters of one camera over all its tries, and rates of the last interval. */
import type { CameraStatus } from "./messages.ts";
import type { BranchCounters } from "./source-branch.ts";
import type { ViewCounters } from "./view-branch.ts";

type Report = Pick<
  CameraStatus,
  | "video"
  | "lastPacketAt"
  | "lastDecodedAt"
  | "lastInferredAt"
  | "packets"
  | "bytes"
  | "decoded"
  | "inferred"
  | "dropped"
  | "damaged"
  | "decodedFps"
  | "inferredFps"
>;

interface Sums {
  packets: number;
  bytes: number;
  decoded: number;
  dropped: number;
}

const none: Readonly<Sums> = { packets: 0, bytes: 0, decoded: 0, dropped: 0 };

const wallClock = (idleUs: number | null): number | null =>
  idleUs === null ? null : Math.round(Date.now() - idleUs / 1000);

export class CameraTotals {
  damaged = 0;
  private before: Sums = { ...none };
  private current: Sums = { ...none };
  private view: ViewCounters = { passed: 0, passedIdleUs: null, inferred: 0, inferredIdleUs: null };
  video: Report["video"] = null;
  private lastPacketAt: number | null = null;
  private lastDecodedAt: number | null = null;
  private reported = { decoded: 0, through: 0 };
  private rates = { decodedFps: 0, inferredFps: 0 };

  addDamage(): void {
    this.damaged++;
  }

  beginTry(): void {
    this.current = { ...none };
  }

  endTry(): void {
    for (const key of ["packets", "bytes", "decoded", "dropped"] as const) this.before[key] += this.current[key];
    this.current = { ...none };
  }

  /** `branch`: null between tries. */
  update(branch: BranchCounters | null, view: ViewCounters): void {
    this.view = view;
    if (branch === null) return;
    const { packets, bytes, decoded, dropped } = branch;
    this.current = { packets, bytes, decoded, dropped: Math.max(this.current.dropped, dropped) };
    this.video = branch.video ?? this.video;
    this.lastPacketAt = wallClock(branch.packetIdleUs) ?? this.lastPacketAt;
    this.lastDecodedAt = wallClock(branch.decodedIdleUs) ?? this.lastDecodedAt;
  }

  /** With an interval, the rates are those since the last such call. Without inference, `inferred` counts what passed. */
  report(inferring: boolean, intervalMs?: number): Report {
    const decoded = this.before.decoded + this.current.decoded;
    const through = inferring ? this.view.inferred : this.view.passed;
    if (intervalMs !== undefined && intervalMs > 0) this.measureRates(decoded, through, intervalMs);
    return {
      video: this.video,
      lastPacketAt: this.lastPacketAt,
      lastDecodedAt: this.lastDecodedAt,
      lastInferredAt: wallClock(inferring ? this.view.inferredIdleUs : this.view.passedIdleUs),
      packets: this.before.packets + this.current.packets,
      bytes: this.before.bytes + this.current.bytes,
      decoded,
      inferred: through,
      dropped: this.before.dropped + this.current.dropped,
      damaged: this.damaged,
      ...this.rates,
    };
  }

  private measureRates(decoded: number, through: number, intervalMs: number): void {
    const perSecond = (count: number): number => Math.round((count * 10_000) / intervalMs) / 10;
    this.rates = {
      decodedFps: perSecond(decoded - this.reported.decoded),
      inferredFps: perSecond(through - this.reported.through),
    };
    this.reported = { decoded, through };
  }
}
