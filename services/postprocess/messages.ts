/**
 * What the postprocess host says to the process that forked it (IPC channel). All values are plain JSON.
 *
 *   host ── ready ──► once, when elements can connect
 *   host ── status ─► once a second
 *   host ── log ────► a line of the host or of a module
 *   host ── fatal ──► it cannot work (socket taken, no permission); it then exits with `exitCode`
 *
 * The parent says nothing but `stop`; when the channel closes, the host exits.
 */

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LinkStatus {
  /** Name of the element. */
  readonly instance: string;
  /** "name version"; "" while it is being loaded. */
  readonly bundle: string;
  readonly state: "opening" | "ready" | "degraded" | "refused" | "closed";
  /** Batches through the module per second, in the last second. */
  readonly batchesPerSecond: number;
  readonly framesPerSecond: number;
  /** Of the batches of the last second; zeros when there were none, or no engine. */
  readonly engineMs: { readonly p50: number; readonly p99: number };
  readonly moduleMs: { readonly p50: number; readonly p99: number };
  /** Module instances that failed and were replaced. */
  readonly restarts: number;
}

export type FromPostprocess =
  | { readonly type: "ready"; readonly socket: string }
  | { readonly type: "status"; readonly links: readonly LinkStatus[] }
  | { readonly type: "log"; readonly level: LogLevel; readonly message: string; readonly instance?: string }
  | { readonly type: "fatal"; readonly exitCode: number; readonly message: string };

export type ToPostprocess = { readonly type: "stop" };
