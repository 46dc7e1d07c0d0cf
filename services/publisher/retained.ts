/** Retained messages: only the newest of each topic matters, and it is said again on every connection. Not in the outbox. */
import type { BrokerConnection } from "./connection.ts";

export class RetainedMessages {
  readonly #connection: BrokerConnection;
  readonly #current = new Map<string, Buffer>();
  #open = false;

  constructor(connection: BrokerConnection) {
    this.#connection = connection;
  }

  /** @param document null takes the message away from the broker */
  set(topic: string, document: object | null): void {
    this.#current.set(topic, document === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify(document)));
    if (this.#open) void this.#publish(topic);
  }

  /** Says everything; resolves when the broker has it all or the connection is gone. */
  async open(): Promise<void> {
    this.#open = true;
    await Promise.all([...this.#current.keys()].map((topic) => this.#publish(topic)));
  }

  close(): void {
    this.#open = false;
  }

  async #publish(topic: string): Promise<void> {
    const payload = this.#current.get(topic);
    if (payload === undefined) return;
    const result = await this.#connection.publish({
      topic,
      payload,
      qos: 1,
      retain: true,
      contentType: "application/json",
    });
    if (result.outcome !== "taken" || this.#current.get(topic) !== payload) return;
    // Taken away: nothing to say on the next connection.
    if (payload.length === 0) this.#current.delete(topic);
  }
}
