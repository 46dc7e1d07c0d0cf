// A process that writes one recording. Beside the postprocess host and not in it: what it costs is the scheduler's to bound, and
// starting its threads under the host's V8 flags would take seconds of processor time.
//
//   host                             this process
//   begin (file, limit) ───────────► makes the file
//   tap (a link's memory, what) ───► a thread copies that link's frames; writes the stream's chunk, then its frames
//   ◄─── tapped (its own descriptor may be closed)
//   untap, stop (why) ─────────────► once every thread has ended: index, end
//   ◄─── progress, now and then
//   ◄─── ended (full, stopped, or what went wrong), then this process exits
//
// When the channel closes, it ends the file and exits.

import { closeSync, openSync } from "node:fs";
import { setPriority } from "node:os";
import { Worker } from "node:worker_threads";
import type { BundleInput } from "../postprocess/bundle_schema.ts";
import { WorkerControl } from "../postprocess/worker_control.ts";
import { Backlog } from "./backlog.ts";
import type { StreamInfo } from "./format.ts";
import type { FromTap, TapData } from "./tap_worker.ts";
import { type FrameParts, RecordingWriter } from "./writer.ts";

export type ToRecording =
  | { type: "begin"; file: string; maxBytes: number }
  /** `path`: of the link's memory, under /proc. */
  | { type: "tap"; path: string; bytes: number; info: StreamInfo; input: BundleInput | undefined }
  | { type: "untap"; stream: number }
  | { type: "stop"; reason: string };

export interface Progress {
  bytes: number;
  frames: number;
  dropped: number;
}

export type FromRecording =
  | { type: "tapped"; stream: number }
  | ({ type: "progress" } & Progress)
  | ({ type: "ended"; reason: string; failed: boolean } & Progress);

/** Behind everything that is live. */
const NICE = 5;
const PROGRESS_MS = 250;
/** A thread that does not end by then is left behind; ms. */
const DRAIN_MS = 2000;

const backlog = new Backlog();
const taps = new Map<number, WorkerControl>();
let writer: RecordingWriter | undefined;
let stopping: string | undefined;
let timer: NodeJS.Timeout | undefined;

setPriority(NICE);
process.on("message", (message: ToRecording) => attempt(() => receive(message)));
process.once("disconnect", () => stop("the host ended"));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop("stopped"));

function receive(message: ToRecording): void {
  switch (message.type) {
    case "begin":
      writer = new RecordingWriter(message.file, message.maxBytes);
      timer = setInterval(tick, PROGRESS_MS);
      return;
    case "tap":
      tap(message);
      return;
    case "untap":
      taps.get(message.stream)?.stop();
      return;
    case "stop":
      stop(message.reason);
  }
}

function tap({ path, bytes, info, input }: Extract<ToRecording, { type: "tap" }>): void {
  if (!writer) return;
  const fd = openSync(path, "r+");
  tell({ type: "tapped", stream: info.stream });
  writer.addStream(info);
  const control = new WorkerControl();
  taps.set(info.stream, control);
  const data: TapData = { fd, bytes, info, input, control: control.shared, backlog: backlog.shared };
  const worker = new Worker(new URL("./tap_worker.ts", import.meta.url), { workerData: data });
  worker.on("message", (parts: FromTap) => attempt(() => take(parts)));
  worker.on("error", (error) => end(`the thread of ${info.element} failed: ${(error as Error).message}`, true));
  worker.once("exit", () => {
    closeSync(fd);
    taps.delete(info.stream);
    endWhenDrained();
  });
}

function take(parts: FrameParts): void {
  const { record, objectsIn, objectsOut, eventsOut, auxIn, auxOut, outputs, thumbnail } = parts;
  const all = [record, objectsIn, objectsOut, eventsOut, auxIn, auxOut, ...outputs, thumbnail];
  backlog.remove(all.reduce((sum, { length }) => sum + length, 0));
  if (!writer) return;
  writer.addFrame(parts);
  if (writer.full) end("full");
}

function stop(reason: string): void {
  stopping ??= reason;
  for (const control of taps.values()) control.stop();
  setTimeout(() => end(reason), DRAIN_MS).unref();
  endWhenDrained();
}

function endWhenDrained(): void {
  if (stopping !== undefined && taps.size === 0) end(stopping);
}

function tick(): void {
  attempt(() => {
    if (!writer) return;
    writer.flushOld();
    if (writer.full) end("full");
    else tell({ type: "progress", ...progressOf(writer) });
  });
}

function end(reason: string, failed = false): void {
  if (!writer) return;
  const last = writer;
  writer = undefined;
  clearInterval(timer);
  try {
    last.close(reason);
    tell({ type: "ended", reason, failed, ...progressOf(last) });
  } catch (error) {
    tell({ type: "ended", reason: (error as Error).message, failed: true, ...progressOf(last) });
  }
  exit();
}

function progressOf({ bytes, frames, dropped }: RecordingWriter): Progress {
  return { bytes, frames, dropped };
}

/** The disk is full, or gone: said once; what was written stays readable. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    const { message } = error as Error;
    if (writer) {
      end(message, true);
      return;
    }
    tell({ type: "ended", reason: message, failed: true, bytes: 0, frames: 0, dropped: 0 });
    exit();
  }
}

function tell(message: FromRecording): void {
  if (process.connected) process.send?.(message);
}

/** When what was told is on its way. */
function exit(): void {
  if (process.connected) process.send?.({ type: "bye" }, () => process.exit(0));
  else process.exit(0);
}
