/** A picture for each event: what the camera saw when the event came, kept and named in the event's message. */

import type { Pictures } from "../control/pictures.ts";
import { messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import { appendMember } from "../publisher/json-member.ts";
import type { EvidenceReference, EvidenceStore } from "./evidence.ts";

/** Events of a camera within this share a picture. Milliseconds. */
const SHARED_MS = 500;
/** A picture of this age still belongs to an event. Milliseconds. */
const FRESH_MS = 2000;

/** Pictures on their way to the disk; where it takes no more, events go without. */
const MAX_SAVING = 16;

export class EventEvidence {
  readonly #store: EvidenceStore;
  readonly #pictures: Pictures;
  readonly #log: Logger;
  #saving = 0;
  /** Why the last picture was not kept: each cause is told once. */
  #problem = "";
  readonly #last = new Map<string, { readonly reference: EvidenceReference; readonly at: number }>();

  constructor(store: EvidenceStore, pictures: Pictures, log: Logger) {
    this.#store = store;
    this.#pictures = pictures;
    this.#log = log;
  }

  /** The payload of an event with the reference to its picture; unchanged when there is none. */
  attach(camera: string, payload: Buffer): Buffer {
    const reference = this.#take(camera);
    return reference === undefined ? payload : appendMember(payload, "evidence", { ...reference });
  }

  /** From now on the camera's pictures are at hand: an event that has to wait for one would show what came after it. */
  follow(camera: string): void {
    // Also when a camera of this name was removed and has come back.
    if (!this.#pictures.isFollowed(camera)) this.#pictures.follow(camera);
  }

  #take(camera: string): EvidenceReference | undefined {
    // The device's clock may be set at any time.
    const now = performance.now();
    const last = this.#last.get(camera);
    if (last !== undefined && now - last.at < SHARED_MS) return last.reference;
    const picture = this.#pictures.latest(camera, FRESH_MS);
    if (picture === undefined || this.#saving >= MAX_SAVING) return undefined;
    const reference = this.#store.reserve(camera);
    this.#last.set(camera, { reference, at: now });
    void this.#save(camera, reference, picture);
    return reference;
  }

  async #save(camera: string, reference: EvidenceReference, picture: Buffer): Promise<void> {
    this.#saving += 1;
    try {
      await this.#store.save(reference, picture);
      this.#problem = "";
    } catch (error) {
      this.#last.delete(camera);
      const problem = messageOf(error);
      if (problem !== this.#problem) this.#log.error({ camera }, `the picture of an event was not kept: ${problem}`);
      this.#problem = problem;
    } finally {
      this.#saving -= 1;
    }
  }
}
