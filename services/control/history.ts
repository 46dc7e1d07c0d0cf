/** The last ten minutes of every camera's figures, for charts: columns of numbers in constant memory, kept whether somebody looks or not. */
import type { Status } from "../supervisor/status.ts";

export const STEP_MS = 2000;
/** Ten minutes. */
const POINTS = 300;

const CAMERA_COLUMNS = ["fps", "inferred", "p50", "p95", "p99", "objects", "dropped"] as const;
const TOTAL_COLUMNS = ["fps", "messagesPerSecond", "p50", "p95", "p99", "queued"] as const;

type Column = readonly (number | null)[];
export type CameraHistory = Readonly<Record<(typeof CAMERA_COLUMNS)[number], Column>>;

export interface HistoryView {
  readonly stepMs: number;
  /** Milliseconds since 1970, oldest first; every column is as long. */
  readonly times: readonly number[];
  /** By id. `dropped` counts since the start; the others are as in the status. null: not known then. */
  readonly cameras: Readonly<Record<string, CameraHistory>>;
  readonly totals: Readonly<Record<(typeof TOTAL_COLUMNS)[number], Column>>;
}

/** What a point is made of. */
export type HistorySource = Pick<Status, "cameras" | "totals"> & { readonly broker: Pick<Status["broker"], "queued"> };

export class History {
  readonly #times = new Float64Array(POINTS);
  readonly #cameras = new Map<string, Table>();
  readonly #totals = new Table(TOTAL_COLUMNS.length);
  #count = 0;

  add({ cameras, totals, broker }: HistorySource, now: number): void {
    const at = this.#count % POINTS;
    this.#times[at] = now;
    for (const table of this.#cameras.values()) table.clear(at);
    for (const { id, fps, inferredFps, latency, objects, dropped, state } of cameras) {
      const isOn = state === "playing";
      const known = this.#cameras.get(id) ?? new Table(CAMERA_COLUMNS.length);
      this.#cameras.set(id, known);
      known.set(at, [
        fps,
        inferredFps,
        isOn ? latency.p50 : null,
        isOn ? latency.p95 : null,
        isOn ? latency.p99 : null,
        objects.length,
        dropped,
      ]);
    }
    const { fps, messagesPerSecond, latency } = totals;
    this.#totals.set(at, [fps, messagesPerSecond, latency.p50, latency.p95, latency.p99, broker.queued]);
    this.#count += 1;
    this.#forgetGone();
  }

  /** @param since ms since 1970: only what came after it */
  view(since = 0): HistoryView {
    const first = Math.max(0, this.#count - POINTS);
    const all = Array.from({ length: this.#count - first }, (_, i) => (first + i) % POINTS);
    const rows = all.filter((row) => (this.#times[row] ?? 0) > since);
    return {
      stepMs: STEP_MS,
      times: rows.map((row) => this.#times[row] ?? 0),
      cameras: Object.fromEntries(
        [...this.#cameras].map(([id, table]) => [id, table.view(CAMERA_COLUMNS, rows) as CameraHistory]),
      ),
      totals: this.#totals.view(TOTAL_COLUMNS, rows) as HistoryView["totals"],
    };
  }

  /** A camera that was removed ten minutes ago has nothing left to show. */
  #forgetGone(): void {
    for (const [id, table] of this.#cameras) if (table.isEmpty) this.#cameras.delete(id);
  }
}

/** Columns of a ring; NaN where nothing is known. */
class Table {
  readonly #values: Float32Array;
  readonly #columns: number;

  constructor(columns: number) {
    this.#columns = columns;
    this.#values = new Float32Array(POINTS * columns).fill(Number.NaN);
  }

  set(row: number, values: readonly (number | null)[]): void {
    for (const [i, value] of values.entries()) this.#values[row * this.#columns + i] = value ?? Number.NaN;
  }

  clear(row: number): void {
    this.#values.fill(Number.NaN, row * this.#columns, (row + 1) * this.#columns);
  }

  get isEmpty(): boolean {
    return this.#values.every(Number.isNaN);
  }

  view(names: readonly string[], rows: readonly number[]): Record<string, Column> {
    return Object.fromEntries(
      names.map((name, i) => [name, rows.map((row) => shown(this.#values[row * this.#columns + i]))]),
    );
  }
}

/** One decimal is what a chart shows. */
function shown(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : Math.round(value * 10) / 10;
}
