/**
 * What the postprocess host and the process that forked it say to each other (IPC channel). All values are plain JSON.
 *
 *   host ◄─ assign ── which bundles elements get instead of their own, and what modules may use; with --managed the host
 *                     waits for the first one before elements can connect
 *   host ── ready ──► once, when elements can connect
 *   host ── status ─► once a second
 *   host ── log ────► a line of the host or of a module
 *   host ── incident ► a module failed, is started again, is back, or is given up
 *   host ◄─ swap ──── a step of a transaction on the bundles of one element (swap.ts)
 *   host ── swapped ► how it went
 *   host ◄─ record ── begin, look at or end the recording of a camera
 *   host ── recorded ► how it is
 *   host ── fatal ──► it cannot work (socket taken, no permission); it then exits with `exitCode`
 *   host ◄─ stop ────
 *
 * When the channel closes, the host exits.
 */

import type { RecordingView, RecordRequest } from "../recording/recorder.ts";
import type { Assignment } from "./connection.ts";
import type { Allowance } from "./limits.ts";
import type { ModuleIncident } from "./module_pair.ts";
import type { ShadowOptions, ShadowReport } from "./shadow.ts";
import type { ActivateReport, PrepareReport } from "./swap.ts";

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
  /** Directory of the bundle; "" while it is being loaded. */
  readonly directory?: string;
  /** Batches with and without a result since the bundle began to serve, and frames in the latter. */
  readonly batches?: number;
  readonly failedBatches?: number;
  readonly failedFrames?: number;
  /** With the bundle before, while that is compared (0..1). */
  readonly agreement?: number | undefined;
}

/** A step of a transaction on the bundles of one element. */
export type SwapStep =
  | { readonly step: "prepare"; readonly bundle: string; readonly parameters?: Record<string, unknown> | undefined }
  /** `against`: compare the candidate with what serves (default), or what serves with what did before. */
  | ({ readonly step: "begin-shadow"; readonly against?: "candidate" | "before" } & ShadowOptions)
  | { readonly step: "end-shadow" }
  | { readonly step: "activate" }
  | { readonly step: "discard" }
  | { readonly step: "settle" }
  /** The element's connection ends: it comes again, and gets what it is assigned. */
  | { readonly step: "reconnect" };

/** What a step that went well has to say. */
export interface SwapResults {
  prepare: PrepareReport;
  "begin-shadow": null;
  "end-shadow": ShadowReport;
  activate: ActivateReport;
  discard: null;
  settle: null;
  reconnect: null;
}

export type SwapAnswer =
  | { readonly ok: true; readonly result: SwapResults[SwapStep["step"]] }
  /** `lasting`: it is the bundle's fault, and the same again when it is tried again. */
  | { readonly ok: false; readonly lasting: boolean; readonly key: string; readonly message: string };

/** What is asked about recordings (services/recording). */
export type RecordAction =
  | ({ readonly do: "begin" } & Readonly<RecordRequest>)
  | { readonly do: "view"; readonly id: string }
  /** Waits until the file is complete. */
  | { readonly do: "end"; readonly id: string };

export type FromPostprocess =
  | { readonly type: "ready"; readonly socket: string }
  | { readonly type: "status"; readonly links: readonly LinkStatus[] }
  | { readonly type: "log"; readonly level: LogLevel; readonly message: string; readonly instance?: string }
  | ({
      readonly type: "incident";
      readonly instance: string;
      /** Directory of the bundle. */
      readonly bundle: string;
    } & Readonly<ModuleIncident>)
  | { readonly type: "swapped"; readonly request: number; readonly answer: SwapAnswer }
  /** Null: there is no such recording here. */
  | { readonly type: "recorded"; readonly request: number; readonly view: RecordingView | null }
  | { readonly type: "fatal"; readonly exitCode: number; readonly message: string };

export type ToPostprocess =
  | { readonly type: "stop" }
  | {
      readonly type: "assign";
      /** By element. */
      readonly bundles: Readonly<Record<string, Assignment>>;
      readonly allowance: Allowance;
    }
  | { readonly type: "swap"; readonly request: number; readonly instance: string; readonly step: SwapStep }
  | { readonly type: "record"; readonly request: number; readonly action: RecordAction };
