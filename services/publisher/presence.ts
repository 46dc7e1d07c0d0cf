/** The device's presence: birth, goodbye and will, all of them one retained message. */
import type { OutgoingMessage } from "./connection.ts";

export interface PresenceOptions {
  readonly device: string;
  readonly version: string;
  readonly topic: string;
  /** Of the device's store. */
  epoch(): string;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #startedAt = new Date();

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  get birth(): OutgoingMessage {
    return this.#message("online", "");
  }

  get goodbye(): OutgoingMessage {
    return this.#message("offline", "stopped");
  }

  /** What the broker says when we can say nothing any more. */
  get will(): { readonly topic: string; readonly payload: Buffer } {
    return this.#message("offline", "connection lost");
  }

  #message(state: "online" | "offline", reason: string): OutgoingMessage {
    const { device, version, topic, epoch } = this.#options;
    const startedAt = this.#startedAt.toISOString();
    const document = { version: "1.0", device, state, reason, epoch: epoch(), software: version, startedAt };
    return {
      topic,
      payload: Buffer.from(JSON.stringify(document)),
      qos: 1,
      retain: true,
      contentType: "application/json",
    };
  }
}
