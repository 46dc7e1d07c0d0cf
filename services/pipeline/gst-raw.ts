/**
 * GStreamer and GLib as node-gtk gives them, with types for the part that is used. Only gst.ts imports this.
 * Loading it starts GStreamer.
 */
import { createRequire } from "node:module";

export interface RawObject {
  getName(): string;
  getParent(): RawObject | null;
  [property: string]: unknown;
}
/** Only to be handed on. */
export type RawEvent = { readonly __event: never };
export interface RawPad extends RawObject {
  link(sink: RawPad): number;
  unlink(sink: RawPad): boolean;
  getPeer(): RawPad | null;
  setActive(active: boolean): boolean;
  query(query: RawQuery): boolean;
  sendEvent(event: RawEvent): boolean;
  queryDuration(format: number): [boolean, number | bigint];
  queryPosition(format: number): [boolean, number | bigint];
}
export interface RawElement extends RawObject {
  getStaticPad(name: string): RawPad | null;
  requestPadSimple(name: string): RawPad | null;
  releaseRequestPad(pad: RawPad): void;
  addPad(pad: RawPad): boolean;
  setState(state: number): number;
  getState(timeout: number): [number, number, number];
  syncStateWithParent(): boolean;
  setLockedState(locked: boolean): boolean;
}
export interface RawBin extends RawElement {
  add(element: RawElement): boolean;
  remove(element: RawElement): boolean;
  getByName(name: string): RawElement | null;
  recalculateLatency(): boolean;
}
export interface RawPipeline extends RawBin {
  getBus(): RawBus;
  useClock(clock: unknown): void;
}
interface RawQuery {
  parseLatency(): [boolean, number | bigint, number | bigint];
}
interface RawError {
  readonly message: string;
  readonly code: number;
  readonly domain: number;
}
export interface RawMessage {
  readonly type: number;
  readonly src: RawObject | null;
  parseError(): [RawError, string | null];
  parseWarning(): [RawError, string | null];
  getStructure(): { getName(): string; toString(): string } | null;
}
export interface RawBus {
  popFiltered(types: number): RawMessage | null;
  setFlushing(flushing: boolean): void;
}
interface RawGst {
  init(args: string[]): unknown;
  versionString(): string;
  parseBinFromDescription(description: string, ghost: boolean): RawBin;
  utilSetObjectArg(object: RawObject, name: string, value: string): void;
  Pipeline: { new: (name: string) => RawPipeline };
  ElementFactory: { make(factory: string, name: string): RawElement | null; find(name: string): RawObject | null };
  GhostPad: { new: (name: string, target: RawPad) => RawPad | null };
  Query: { newLatency(): RawQuery };
  Event: { newFlushStop(resetTime: boolean): RawEvent };
  SystemClock: { obtain(): unknown };
  State: { NULL: number; READY: number; PAUSED: number; PLAYING: number };
  StateChangeReturn: { FAILURE: number };
  PadLinkReturn: { OK: number };
  Format: { TIME: number };
  MessageType: { ERROR: number; WARNING: number; ELEMENT: number; LATENCY: number; EOS: number };
}
interface RawGLib {
  MainLoop: { new: (context: null, running: boolean) => { run(): void; quit(): void } };
  quarkToString(quark: number): string;
}

interface RawGio {
  TlsFileDatabase: { new: (file: string) => unknown };
}

interface NodeGtk {
  require(namespace: string, version: string): unknown;
}

const nodeGtk = createRequire(import.meta.url)("node-gtk") as NodeGtk;
export const GLib = nodeGtk.require("GLib", "2.0") as RawGLib;
export const Gio = nodeGtk.require("Gio", "2.0") as RawGio;
export const Gst = nodeGtk.require("Gst", "1.0") as RawGst;
Gst.init([]);
