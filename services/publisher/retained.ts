/**
 * Retained messages: only the newest of each topic matters, and it is said again on every connection. They are never in
 * the outbox, so that no old state is told after a new one.
 */
import type { BrokerConnection } from "./connection.ts";

export class RetainedMessages {
  /** An empty one takes the message away from the broker. */
  readonly #current = new Map<string, Buffer>();
  /** Topics whose newest message is on its way, or waits for its turn. */
  readonly #busy = new Set<string>();
  /** What the broker has refused on this connection: each topic is told once. */
  readonly #refused = new Set<string>();
  readonly #onRefused: (topic: string, reason: number) => void;
  #connection: BrokerConnection | undefined;

  constructor(onRefused: (topic: string, reason: number) => void) {
    this.#onRefused = onRefused;
  }

  get isTakingAway(): boolean {
    return [...this.#current.values()].some(({ length }) => length === 0);
  }

  /** @param document null takes the message away from the broker */
  set(topic: string, document: object | null): void {
    this.#current.set(topic, document === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify(document)));
    void this.#publish(topic);
  }

  /** Says everything; resolves when the broker has it all or the connection is gone. */
  async open(connection: BrokerConnection): Promise<void> {
    this.#connection = connection;
    this.#busy.clear();
    this.#refused.clear();
    await Promise.all([...this.#current.keys()].map((topic) => this.#publish(topic)));
  }

  close(): void {
    this.#connection = undefined;
  }

  /** Everything once more, for somebody who has just come. */
  sayAgain(): void {
    for (const topic of this.#current.keys()) void this.#publish(topic);
  }

  /** One message per topic at a time: what changes meanwhile goes when it has been answered, and only the newest of it. */
  async #publish(topic: string): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined || this.#busy.has(topic)) return;
    this.#busy.add(topic);
    for (;;) {
      const payload = this.#current.get(topic);
      if (payload === undefined) break;
      const result = await connection.publish({
        topic,
        payload,
        qos: 1,
        retain: true,
        contentType: "application/json",
      });
      // Another connection, or none: open() says it again.
      if (connection !== this.#connection || result.outcome === "lost") return;
      if (result.outcome === "refused" && !this.#refused.has(topic)) {
        this.#refused.add(topic);
        this.#onRefused(topic, result.reason);
      }
      if (this.#current.get(topic) !== payload) continue;
      if (payload.length === 0) this.#current.delete(topic);
      break;
    }
    this.#busy.delete(topic);
  }
}
