/**
 * Operators: rules in TypeScript, for the owner of an appliance. The counterpart of pyservicemaker's
 * BatchMetadataOperator: an operator sees the metadata of each batch, changes objects, adds some, and reports events.
 *
 *   import { type BatchMetadata, BatchMetadataOperator } from "nightjar/operator";
 *
 *   export default class Crowd extends BatchMetadataOperator {
 *     handleMetadata(batch: BatchMetadata): void {
 *       for (const frame of batch.frames) {
 *         if (frame.objects.length < 10) continue;
 *         const event = batch.acquireEvent();
 *         event.type = "crowd";
 *         event.value = frame.objects.length;
 *         frame.append(event);
 *       }
 *     }
 *   }
 *
 * It is a bundle's module (`module: {file: crowd.ts}`, kind analyze) and is replaced, watched and taken back like every
 * other. It is trusted code: it runs in a thread of its own and is ended when it overruns its time, but it can read
 * files and use the network. Use a WebAssembly module for code of others, and where the same frames must give the same
 * result everywhere. docs/operators.md tells which when.
 */
import type { BatchMetadata } from "./metadata.ts";

export {
  type Attribute,
  BatchMetadata,
  EventMetadata,
  FrameMetadata,
  type Keypoint,
  type Mask,
  ObjectMetadata,
  type UserMetadata,
} from "./metadata.ts";

/** A number, yes or no, a text, or numbers by class id (null: not set). */
export type ParameterValue = number | boolean | string | readonly (number | null)[];

/** What an operator learns once. */
export interface OperatorSetup {
  /** Of the bundle, by class id; empty when it names none. */
  readonly labels: readonly string[];
  /** Objects and events that a frame may have (limits of the bundle). */
  readonly maxObjects: number;
  readonly maxEvents: number;
  /** A tracker's first id: smaller ones have been given before. */
  readonly firstObjectId: bigint;
  /** One line to Nightjar's log; more than the bundle's limit per second are dropped. */
  log(level: "info" | "warn" | "error", text: string): void;
}

/** Extend it, and export the class as default. One instance serves all cameras: keep state by `frame.sourceId`. */
export abstract class BatchMetadataOperator {
  /** Before everything else. Throw an Error to refuse the bundle: its message is what the operator of Nightjar reads. */
  start(_setup: OperatorSetup): void {}

  /** All parameters: before the first batch, and whenever one changes. Throw an Error when one is wrong. */
  configure(_parameters: Readonly<Record<string, ParameterValue>>): void {}

  /** One batch. An Error that it throws costs this batch its results, and is logged. Must not keep what it is given. */
  abstract handleMetadata(batch: BatchMetadata): void;

  /** What the next version goes on from: anything that JSON can carry. */
  save(): unknown {
    return undefined;
  }

  /** Takes over what save() of this version, or of one before, returned. Throw an Error when it cannot be used. */
  restore(_state: unknown): void {}
}
