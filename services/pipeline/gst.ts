/**
 * GStreamer for the rest of this process: no other file sees node-gtk and raw GObject introspection (gst-raw.ts).
 *
 * What is kept out on purpose, because node-gtk cannot do it well:
 * - buffers: no frame ever enters JavaScript;
 * - signals: a handler on a signal that a streaming thread emits (pad-added, handoff, probes) blocks that thread until
 *   JavaScript gets to it, and a state change to NULL meanwhile never returns. Late links are made by gst-parse in C;
 * - bus watches: each message delivered as a signal leaks. The bus is polled.
 *
 * Wrapped objects hold a reference to the native ones until the garbage collector runs, and V8 does not see how big
 * those are: after taking a bin out call `collectSoon`.
 */
import { MessageChannel } from "node:worker_threads";
import { messageOf } from "../log/errors.ts";
import {
  Gio,
  GLib,
  Gst,
  type RawBin,
  type RawBus,
  type RawElement,
  type RawMessage,
  type RawObject,
  type RawPad,
  type RawPipeline,
} from "./gst-raw.ts";

export type PropertyValue = string | number | boolean;
export type StateName = "null" | "ready" | "paused" | "playing";

/** A GError with its place: `text` is for people, `debug` has the source line first and often the real reason after it. */
export interface Fault {
  readonly type: "error" | "warning";
  readonly origin: Origin;
  readonly domain: string;
  readonly code: number;
  readonly text: string;
  readonly debug: string;
}

export interface ElementMessage {
  readonly type: "element";
  readonly origin: Origin;
  readonly name: string;
  readonly structure: string;
}

export type BusMessage = Fault | ElementMessage | { readonly type: "latency" } | { readonly type: "eos" };

/** Where a message comes from. */
export interface Origin {
  readonly element: string;
  /** Name of the child of the pipeline that the element is in (or is); "" for what has been taken out meanwhile. */
  readonly branch: string;
}

// ───────────────────────────── elements ─────────────────────────────

/** Something in GStreamer was not as it must be: our bug, or an installation that lacks a part. */
export class GstError extends Error {
  override readonly name = "GstError";
}

const camelCase = (property: string): string =>
  property.replace(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());

/** GstPadLinkReturn, by its negated value. */
const linkFaults = [
  "ok",
  "no common parent",
  "was linked",
  "wrong direction",
  "no common format",
  "no common scheduling",
  "refused",
];

/** Of a stream, ns; null: it does not know. */
export interface Extent {
  readonly duration: number | null;
  readonly position: number | null;
}

export class Pad {
  /** @internal */
  readonly raw: RawPad;

  constructor(raw: RawPad) {
    this.raw = raw;
  }

  has(property: string): boolean {
    return camelCase(property) in this.raw;
  }

  set(property: string, value: PropertyValue): void {
    if (!this.has(property)) throw new GstError(`pad ${this.raw.getName()} has no property "${property}"`);
    this.raw[camelCase(property)] = value;
  }

  link(sink: Pad): void {
    const result = this.raw.link(sink.raw);
    if (result !== Gst.PadLinkReturn.OK) {
      throw new GstError(`${this.raw.getName()} does not fit ${sink.raw.getName()}: ${linkFaults[-result] ?? result}`);
    }
  }

  /** How long the live sources before this pad, and the elements between, hold a frame at least, ns; 0 without live sources. */
  latency(): number {
    const query = Gst.Query.newLatency();
    if (!this.raw.query(query)) return 0;
    const [live, min] = query.parseLatency();
    return live ? Number(min) : 0;
  }

  /** What the stream before this pad says of its length, and how far it has come. */
  extent(): Extent {
    const known = ([isKnown, time]: [boolean, number | bigint]) => (isKnown ? Number(time) : null);
    const { TIME } = Gst.Format;
    return { duration: known(this.raw.queryDuration(TIME)), position: known(this.raw.queryPosition(TIME)) };
  }

  /** What a muxer still holds of this input is thrown away. */
  flushStop(): void {
    this.raw.sendEvent(Gst.Event.newFlushStop(false));
  }

  /** Does nothing when the pad is not linked. */
  unlink(): void {
    const peer = this.raw.getPeer();
    if (peer !== null) this.raw.unlink(peer);
  }
}

export class Element {
  /** @internal */
  readonly raw: RawElement;

  constructor(raw: RawElement) {
    this.raw = raw;
  }

  static make(factory: string, name: string): Element {
    const raw = Gst.ElementFactory.make(factory, name);
    if (raw === null) throw new GstError(`GStreamer has no element "${factory}"`);
    return new Element(raw);
  }

  get name(): string {
    return this.raw.getName();
  }

  has(property: string): boolean {
    return camelCase(property) in this.raw;
  }

  /** Numbers, booleans and plain strings. 64-bit integers are exact up to 2^53. */
  set(property: string, value: PropertyValue): this {
    this.requireProperty(property);
    this.raw[camelCase(property)] = value;
    return this;
  }

  /** For properties whose value is written as gst-launch does: enumerations, flags, caps, fractions. */
  setFromText(property: string, text: string): this {
    this.requireProperty(property);
    Gst.utilSetObjectArg(this.raw, property, text);
    return this;
  }

  /** For properties that say whom to trust: a PEM file of certificates. */
  setCertificates(property: string, file: string): this {
    this.requireProperty(property);
    try {
      this.raw[camelCase(property)] = Gio.TlsFileDatabase.new(file);
    } catch (error) {
      throw new GstError(`${file} holds no certificates that can be read: ${messageOf(error)}; expected a PEM file`);
    }
    return this;
  }

  number(property: string): number {
    return Number(this.raw[camelCase(property)]);
  }

  boolean(property: string): boolean {
    return this.raw[camelCase(property)] === true;
  }

  text(property: string): string | null {
    const value = this.raw[camelCase(property)];
    return typeof value === "string" ? value : null;
  }

  /** A read-only structure (such as `stats`) in GStreamer's text form; null when the element has none. */
  structureText(property: string): string | null {
    const value = this.raw[camelCase(property)] as { toString(): string } | null | undefined;
    return value?.toString() ?? null;
  }

  pad(name: string): Pad {
    const raw = this.raw.getStaticPad(name);
    if (raw === null) throw new GstError(`element ${this.name} has no pad ${name}`);
    return new Pad(raw);
  }

  requestPad(name: string): Pad {
    const raw = this.raw.requestPadSimple(name);
    if (raw === null) throw new GstError(`element ${this.name} gives no pad ${name}`);
    return new Pad(raw);
  }

  releasePad(pad: Pad): void {
    this.raw.releaseRequestPad(pad.raw);
  }

  /** False: the element refused; the reason is on the bus. A change that takes its time counts as done. */
  setState(state: StateName): boolean {
    return this.raw.setState(states[state]) !== Gst.StateChangeReturn.FAILURE;
  }

  syncStateWithParent(): boolean {
    return this.raw.syncStateWithParent();
  }

  private requireProperty(property: string): void {
    if (!this.has(property)) throw new GstError(`element ${this.name} has no property "${property}"`);
  }
}

const states: Readonly<Record<StateName, number>> = {
  null: Gst.State.NULL,
  ready: Gst.State.READY,
  paused: Gst.State.PAUSED,
  playing: Gst.State.PLAYING,
};

export class Bin extends Element {
  declare readonly raw: RawBin;

  /**
   * Builds a bin from gst-launch text. Values that come from people (paths, passwords) do not belong into the text:
   * set them on the elements afterwards.
   */
  static parse(name: string, description: string): Bin {
    let raw: RawBin;
    try {
      raw = Gst.parseBinFromDescription(description, false);
    } catch (error) {
      throw new GstError(error instanceof Error ? error.message : String(error));
    }
    raw["name"] = name;
    return new Bin(raw);
  }

  element(name: string): Element {
    const raw = this.raw.getByName(name);
    if (raw === null) throw new GstError(`bin ${this.name} has no element ${name}`);
    return new Element(raw);
  }

  /** Gives the bin a pad of its own for one of an element inside. */
  ghost(name: string, target: Pad): Pad {
    const pad = Gst.GhostPad.new(name, target.raw);
    if (pad === null) throw new GstError(`bin ${this.name} cannot ghost pad ${name}`);
    pad.setActive(true);
    this.raw.addPad(pad);
    return new Pad(pad);
  }
}

export class Pipeline {
  readonly name: string;
  private readonly raw: RawPipeline;
  private readonly bus: RawBus;

  constructor(name: string) {
    this.name = name;
    this.raw = Gst.Pipeline.new(name);
    this.bus = this.raw.getBus();
    // Otherwise the pipeline takes its clock from some camera, and stops when that camera is taken out.
    this.raw.useClock(Gst.SystemClock.obtain());
  }

  add(element: Element): void {
    if (!this.raw.add(element.raw)) throw new GstError(`pipeline cannot take ${element.name}: name taken?`);
  }

  /** Sets the element to NULL first: what is still inside stops here. */
  remove(element: Element): void {
    element.setState("null");
    this.raw.remove(element.raw);
  }

  setState(state: StateName): boolean {
    return this.raw.setState(states[state]) !== Gst.StateChangeReturn.FAILURE;
  }

  /** Asks all sources and elements anew how long they hold frames, and tells the sinks. */
  recalculateLatency(): void {
    this.raw.recalculateLatency();
  }

  /** The next message of interest; null when there is none. Never waits. */
  nextMessage(): BusMessage | null {
    const raw = this.bus.popFiltered(messageMask);
    return raw === null ? null : readMessage(raw, this.name);
  }
}

// ───────────────────────────── bus ─────────────────────────────

const { ERROR, WARNING, ELEMENT, LATENCY, EOS } = Gst.MessageType;
const messageMask = ERROR | WARNING | ELEMENT | LATENCY | EOS;

function originOf(source: RawObject | null, pipeline: string): Origin {
  if (source === null) return { element: "", branch: "" };
  let branch = source;
  let top = source;
  for (let parent = top.getParent(); parent !== null; parent = top.getParent()) {
    branch = top;
    top = parent;
  }
  return { element: source.getName(), branch: top.getName() === pipeline ? branch.getName() : "" };
}

function readFault(type: "error" | "warning", raw: RawMessage, origin: Origin): Fault {
  const [error, debug] = type === "error" ? raw.parseError() : raw.parseWarning();
  return {
    type,
    origin,
    domain: GLib.quarkToString(error.domain),
    code: error.code,
    text: error.message,
    debug: debug ?? "",
  };
}

function readMessage(raw: RawMessage, pipeline: string): BusMessage {
  const origin = originOf(raw.src, pipeline);
  switch (raw.type) {
    case ERROR:
      return readFault("error", raw, origin);
    case WARNING:
      return readFault("warning", raw, origin);
    case LATENCY:
      return { type: "latency" };
    case EOS:
      return { type: "eos" };
    default: {
      const structure = raw.getStructure();
      return { type: "element", origin, name: structure?.getName() ?? "", structure: structure?.toString() ?? "" };
    }
  }
}

// ───────────────────────────── process ─────────────────────────────

export const gstVersion = (): string => Gst.versionString();

export const hasElement = (factory: string): boolean => Gst.ElementFactory.find(factory) !== null;

/**
 * Runs GLib's main loop with Node's inside, until `quit` is called; then `onEnd`.
 *
 * node-gtk would start a loop from a timer when called from a module, and no timer ever fires inside a timer; from an
 * immediate it would spin. A message port has neither fault.
 */
export function startMainLoop(onEnd: () => void): { quit(): void } {
  const loop = GLib.MainLoop.new(null, false);
  const { port1, port2 } = new MessageChannel();
  port1.once("message", () => {
    loop.run();
    // Not earlier: closing frees the port under the call that we are in.
    port1.close();
    onEnd();
  });
  port2.postMessage(null);
  return { quit: () => loop.quit() };
}

const collectDelayMs = 500;
let collectTimer: NodeJS.Timeout | null = null;

/** Frees native objects whose wrappers are unreachable (needs --expose-gc). Calls close together make one collection. */
export function collectSoon(): void {
  if (collectTimer !== null || globalThis.gc === undefined) return;
  collectTimer = setTimeout(() => {
    collectTimer = null;
    globalThis.gc?.();
  }, collectDelayMs);
}
