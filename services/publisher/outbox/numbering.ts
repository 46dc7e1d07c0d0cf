/**
 * Epochs and sequences. Durable numbers belong to the store and are never used again, not after a crash either: up to
 * `reserved` the store knows that they may have been sent. Volatile numbers belong to this process.
 */
import { newEpoch } from "../identity.ts";

/** Sequences that may be sent before they are stored, at most. A crash leaves as many in doubt. */
const RESERVE = 256;

export class Numbering {
  readonly volatileEpoch = newEpoch();
  #durableEpoch: string | undefined;
  #next = 1;
  #nextVolatile = 1;
  /** Sequences below may be sent although they are not stored. */
  #reserved = 1;

  /** The store's, or that of this process when there is no store. */
  get epoch(): string {
    return this.#durableEpoch ?? this.volatileEpoch;
  }

  get next(): number {
    return this.#next;
  }

  /** The store is open, for the first time or in place of a damaged one. */
  begin(epoch: string, next: number): void {
    this.#durableEpoch = epoch;
    this.#next = next;
    this.#reserved = next;
  }

  durable(): { readonly epoch: string; readonly sequence: number } {
    return { epoch: this.epoch, sequence: this.#next++ };
  }

  volatile(): { readonly epoch: string; readonly sequence: number } {
    return { epoch: this.volatileEpoch, sequence: this.#nextVolatile++ };
  }

  /** It would be safe to send this sequence although it is not stored. */
  isReserved(sequence: number): boolean {
    return sequence < this.#reserved;
  }

  /** The store should hear soon how far we have come. */
  get runsShort(): boolean {
    return this.#reserved - this.#next < RESERVE / 2;
  }

  /** What the next commit tells the store. @param ahead sequences that are not stored are going to be sent */
  reservation(ahead: boolean): number {
    return Math.max(this.#reserved, ahead ? this.#next + RESERVE : this.#next);
  }

  /** The store has heard it. */
  reserve(upTo: number): void {
    this.#reserved = Math.max(this.#reserved, upTo);
  }
}
