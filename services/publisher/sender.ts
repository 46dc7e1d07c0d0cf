/** Moves messages from the outbox to the broker: a window of them at a time, each until the broker's word is final. */
import type { Logger } from "../log/logger.ts";
import { Backoff } from "./backoff.ts";
import type { BrokerConnection, BrokerLimits, OutgoingMessage, PublishResult } from "./connection.ts";
import type { Outbox, StoredMessage } from "./outbox.ts";

export interface SenderOptions {
  readonly qos: 0 | 1;
  /** Messages in flight, unless the broker allows fewer. */
  readonly window: number;
  /** Makes of a stored message what goes over the wire. */
  readonly outgoing: (message: StoredMessage, qos: 0 | 1) => OutgoingMessage;
  readonly onSent: (message: StoredMessage) => void;
  readonly onAcknowledged: (message: StoredMessage) => void;
}

/** Reason codes of PUBACK that pass by themselves: unspecified, implementation specific, quota exceeded. */
const PASSING: ReadonlySet<number> = new Set([0x80, 0x83, 0x97]);
const NOT_AUTHORISED = 0x87;
const NOT_AUTHORISED_RETRY_MS = 30_000;
/** Header, topic length, packet identifier and lengths of properties, generously. */
const PACKET_OVERHEAD_BYTES = 64;

export class Sender {
  readonly #outbox: Outbox;
  readonly #connection: BrokerConnection;
  readonly #options: SenderOptions;
  readonly #log: Logger;
  readonly #backoff = new Backoff({ firstMs: 500, maxMs: 30_000 });
  /** What was complained about already: "<reason> <topic>". */
  readonly #complaints = new Set<string>();
  #limits: BrokerLimits | undefined;
  #inFlight = 0;
  #pausedUntil = 0;
  #pumping = false;
  #pumpAgain = false;
  /** Grows with each connection: words about an earlier one are late. */
  #generation = 0;

  constructor(outbox: Outbox, connection: BrokerConnection, options: SenderOptions, log: Logger) {
    this.#outbox = outbox;
    this.#connection = connection;
    this.#options = options;
    this.#log = log;
  }

  up(limits: BrokerLimits): void {
    this.#limits = limits;
    this.#generation += 1;
    this.#inFlight = 0;
    this.#complaints.clear();
    this.pump();
  }

  async down(): Promise<void> {
    if (this.#limits === undefined) return;
    this.#limits = undefined;
    this.#generation += 1;
    await this.#outbox.giveBackAll();
  }

  /** Sends what may be sent. Call it when there is something new, and once in a while. */
  pump(): void {
    this.#pumpAgain = true;
    if (!this.#pumping) void this.#run();
  }

  async #run(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#pumpAgain) {
        this.#pumpAgain = false;
        await this.#fillWindow();
      }
    } finally {
      this.#pumping = false;
    }
  }

  async #fillWindow(): Promise<void> {
    const limits = this.#limits;
    if (limits === undefined || performance.now() < this.#pausedUntil) return;
    const generation = this.#generation;
    const room = Math.min(this.#options.window, limits.receiveMaximum) - this.#inFlight;
    if (room <= 0) return;
    const messages = await this.#outbox.take(room);
    if (generation !== this.#generation) {
      // The connection went while the store worked; down() may have run before these were in flight.
      for (const { sequence } of messages) await this.#outbox.giveBack(sequence, 0);
      return;
    }
    for (const message of messages) this.#send(message, limits, generation);
  }

  #send(message: StoredMessage, limits: BrokerLimits, generation: number): void {
    const outgoing = this.#options.outgoing(message, this.#options.qos);
    const bytes =
      outgoing.payload.length + Buffer.byteLength(outgoing.topic) + propertyBytes(outgoing) + PACKET_OVERHEAD_BYTES;
    if (bytes > limits.maximumPacketSize) {
      this.#complain(
        "too large",
        message.topic,
        `the broker takes at most ${limits.maximumPacketSize} bytes, not ${bytes}`,
      );
      void this.#outbox.discard(message.sequence, "too-large").then(() => this.pump());
      return;
    }
    this.#inFlight += 1;
    this.#options.onSent(message);
    void this.#connection.publish(outgoing).then(async (result) => {
      if (generation !== this.#generation) return;
      this.#inFlight -= 1;
      await this.#settle(message, result);
      this.pump();
    });
  }

  async #settle(message: StoredMessage, result: PublishResult): Promise<void> {
    const { sequence, topic } = message;
    if (result.outcome === "taken") {
      this.#backoff.reset();
      this.#complaints.delete(`not authorised ${topic}`);
      await this.#outbox.acknowledge(sequence);
      this.#options.onAcknowledged(message);
    } else if (result.outcome === "lost") {
      await this.#outbox.giveBack(sequence, 0);
    } else if (PASSING.has(result.reason)) {
      await this.#outbox.giveBack(sequence, 0);
      this.#pausedUntil = performance.now() + this.#backoff.next();
      this.#complain("busy", "", `it cannot take messages now (${hex(result.reason)}); they are kept`);
    } else if (result.reason === NOT_AUTHORISED) {
      await this.#outbox.giveBack(sequence, NOT_AUTHORISED_RETRY_MS);
      this.#complain(
        "not authorised",
        topic,
        "this device may not publish there: correct the broker's access list; messages are kept",
      );
    } else {
      await this.#outbox.discard(sequence, `refused-${hex(result.reason)}`);
      this.#complain("refused", topic, `reason ${hex(result.reason)}; such messages are dropped and counted`);
    }
  }

  #complain(what: string, topic: string, why: string): void {
    const key = `${what} ${topic}`;
    if (this.#complaints.has(key)) return;
    this.#complaints.add(key);
    this.#log.error({ ...(topic === "" ? {} : { topic }) }, `the broker refused a message: ${why}`);
  }
}

function propertyBytes(message: OutgoingMessage): number {
  let bytes = (message.contentType?.length ?? 0) + 8;
  for (const [name, value] of Object.entries(message.userProperties ?? {}))
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 5;
  return bytes;
}

function hex(reason: number): string {
  return `0x${reason.toString(16).padStart(2, "0")}`;
}
