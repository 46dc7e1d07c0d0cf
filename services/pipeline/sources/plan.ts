/**
 * How the frames of one camera are made: the recipe for its source bin.
 *
 * `description` is gst-launch text from the source to decoded frames, without anything that a person typed; it may use
 * the names `source`, `packets` (a counting njprobe before the decoder, if there is a place for one). Values go into `properties`.
 */

import type { PropertyValue } from "../gst.ts";
import type { CameraSettings } from "../messages.ts";

export interface SourcePlan {
  readonly description: string;
  readonly properties: readonly PropertySetting[];
  /** gst-launch text that brings decoded frames into the memory and format of the batch; its own conversion by default. */
  readonly adapt?: string;
  /** Frames come at their own time and do not wait: the oldest are dropped when the pipeline is slow. */
  readonly live: boolean;
  /** Frames carry timestamps of a recording and have to be held back to its pace. */
  readonly paced: boolean;
  /** The source is to be played again at its end. */
  readonly loops: boolean;
  /** An end is what the source is expected to come to; otherwise it is a fault. */
  readonly ends: boolean;
  /** For messages: where the frames come from, without credentials. */
  readonly address: string;
  /** Another try may go better by itself, also when nobody changes anything on this machine. */
  readonly remote: boolean;
}

export interface PropertySetting {
  readonly element: string;
  readonly property: string;
  readonly value: PropertyValue;
  /** The value is text as gst-launch has it (enumerations, flags, caps), or a file of certificates to trust. */
  readonly as?: "text" | "certificates";
}

/** What a plan may take into account beyond the settings. */
export interface PlanContext {
  /** Tries in a row that failed. */
  readonly retry: number;
  /** Transport that brought frames last, for sources that look for one. */
  readonly provenTransport: string | null;
}

/** The settings of a source cannot be carried out at all; trying again is no use. */
export class BadSource extends Error {
  override readonly name = "BadSource";
}

export type SourceKind = CameraSettings["source"]["kind"];

export const setting = (element: string, property: string, value: PropertyValue): PropertySetting => ({
  element,
  property,
  value,
});

export const textSetting = (element: string, property: string, value: string): PropertySetting => ({
  element,
  property,
  value,
  as: "text",
});

/** `value`: a PEM file. */
export const certificatesSetting = (element: string, property: string, value: string): PropertySetting => ({
  element,
  property,
  value,
  as: "certificates",
});
