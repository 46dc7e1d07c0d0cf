/** Moves messages from the outbox to the broker: a window of them at a time, each until the broker's word is final. */
import type { Logger } from "../log/logger.ts";
import { Backoff } from "./backoff.ts";
import type { BrokerConnection, BrokerLimits, OutgoingMessage, PublishResult } from "./connection.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { TakenMessage } from "./outbox/types.ts";
import { packetBytes } from "./packet-size.ts";

export interface SenderOptions {
  /** Makes of a stored message what goes over the wire. */
  readonly outgoing: (message: TakenMessage) => OutgoingMessage;
  readonly onSent: (message: TakenMessage) => void;
  readonly onAcknowledged: (message: TakenMessage) => void;
}

/** Reason codes of PUBACK that pass by themselves: unspecified, implementation specific, packet identifier in use, quota exceeded. */
const PASSING: ReadonlySet<number> = new Set([0x80, 0x83, 0x91, 0x97]);
const NOT_AUTHORISED = 0x87;
/** First and longest wait before a topic that is not allowed is tried again, milliseconds. */
const BLOCKED = { firstMs: 30_000, maxMs: 300_000 };
/** So many connections in a row that ended before anything was acknowledged: from then on, one message at a time. */
const FRUITLESS_LIMIT = 3;
/** So many acknowledgements end that caution. */
const CAUTION_ACKS = 50;
/** So many more that ended over the same message alone: it is to blame. */
const BLAME_LIMIT = 5;

interface BlockedTopic {
  readonly backoff: Backoff;
  timer: NodeJS.Timeout | undefined;
}

export class Sender {
  readonly #outbox: Outbox;
  readonly #connection: BrokerConnection;
  readonly #options: SenderOptions;
  readonly #log: Logger;
  readonly #backoff = new Backoff({ firstMs: 500, maxMs: 30_000 });
  readonly #blocked = new Map<string, BlockedTopic>();
  /** What was complained about already: "<reason> <topic>". */
  readonly #complaints = new Set<string>();
  readonly #inFlight = new Set<TakenMessage>();
  #limits: BrokerLimits | undefined;
  #pause: NodeJS.Timeout | undefined;
  #fruitless = 0;
  /** Messages go one at a time until so many more were acknowledged. */
  #caution = 0;
  /** The message that was alone in flight when connections ended, and how many. */
  #suspect: { readonly key: string; readonly ends: number } | undefined;
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
    this.#complaints.clear();
    this.#outbox.online();
    this.pump();
  }

  /** @param byBroker the broker ended the connection; not the network, nor we */
  down(byBroker: boolean): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    if (this.#limits === undefined) return;
    this.#limits = undefined;
    this.#generation += 1;
    if (byBroker) this.#blame();
    this.#inFlight.clear();
    this.#outbox.offline();
  }

  stop(): void {
    this.down(false);
    for (const { timer } of this.#blocked.values()) clearTimeout(timer);
  }

  /** Sends what may be sent. Call it when there is something new. */
  pump(): void {
    const limits = this.#limits;
    if (limits === undefined || this.#pause !== undefined) return;
    const window = this.#caution > 0 ? 1 - this.#inFlight.size : this.#connection.free;
    if (window <= 0) return;
    for (const message of this.#outbox.take(Math.min(window, this.#connection.free))) this.#send(message, limits);
  }

  #send(message: TakenMessage, limits: BrokerLimits): void {
    const outgoing = this.#options.outgoing(message);
    const bytes = packetBytes(outgoing, limits.version);
    if (bytes > limits.maximumPacketSize) {
      const most = limits.maximumPacketSize;
      this.#complain(
        "too large",
        message.topic,
        `it takes at most ${most} bytes, not ${bytes}; such messages are kept as dead letters`,
      );
      this.#outbox.discard(message, "too-large");
      queueMicrotask(() => this.pump());
      return;
    }
    const generation = this.#generation;
    this.#inFlight.add(message);
    this.#options.onSent(message);
    void this.#connection.publish(outgoing).then((result) => {
      // The outbox has taken it back when the connection ended.
      if (generation !== this.#generation) return;
      this.#inFlight.delete(message);
      this.#settle(message, result);
      this.pump();
    });
  }

  #settle(message: TakenMessage, result: PublishResult): void {
    const { topic } = message;
    if (result.outcome === "taken") {
      this.#fruitless = 0;
      this.#caution = Math.max(0, this.#caution - 1);
      this.#suspect = undefined;
      this.#backoff.reset();
      this.#allowed(topic);
      this.#outbox.acknowledge(message);
      this.#options.onAcknowledged(message);
    } else if (result.outcome === "lost") {
      this.#outbox.giveBack(message);
    } else if (PASSING.has(result.reason)) {
      this.#outbox.giveBack(message);
      this.#pauseSending();
      this.#complain("busy", "", `it cannot take messages now (${hex(result.reason)}); they are kept`);
    } else if (result.reason === NOT_AUTHORISED) {
      this.#block(topic);
      this.#outbox.giveBack(message);
      this.#complain(
        "not authorised",
        topic,
        "this device may not publish there: correct the broker's access list; messages are kept",
      );
    } else {
      this.#outbox.discard(message, `refused-${hex(result.reason)}`);
      this.#complain(
        "refused",
        topic,
        `reason ${hex(result.reason)}; such messages are kept as dead letters, and counted`,
      );
    }
  }

  #pauseSending(): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.pump();
    }, this.#backoff.next());
  }

  /** Nothing more goes to this topic for a while; then one attempt shows whether it is allowed now. */
  #block(topic: string): void {
    const known = this.#blocked.get(topic);
    const blocked = known ?? { backoff: new Backoff(BLOCKED), timer: undefined };
    this.#blocked.set(topic, blocked);
    if (blocked.timer !== undefined) return;
    this.#outbox.block(topic);
    blocked.timer = setTimeout(() => {
      blocked.timer = undefined;
      this.#outbox.unblock(topic);
    }, blocked.backoff.next());
  }

  #allowed(topic: string): void {
    if (this.#blocked.size === 0 || this.#blocked.get(topic)?.timer !== undefined) return;
    this.#blocked.delete(topic);
    this.#complaints.delete(`not authorised ${topic}`);
  }

  /**
   * Brokers of MQTT 3.1.1 refuse a message by ending the connection. When that happens again and again, messages go one at
   * a time; the one over which connections keep ending is given up, so that those behind it get through.
   */
  #blame(): void {
    if (this.#inFlight.size === 0) return;
    this.#fruitless += 1;
    if (this.#fruitless >= FRUITLESS_LIMIT) this.#caution = CAUTION_ACKS;
    const [alone] = this.#inFlight;
    if (this.#inFlight.size !== 1 || alone === undefined || this.#fruitless <= FRUITLESS_LIMIT) return;
    const key = `${alone.epoch}/${alone.sequence}`;
    const ends = this.#suspect?.key === key ? this.#suspect.ends + 1 : 1;
    this.#suspect = { key, ends };
    if (ends < BLAME_LIMIT) return;
    this.#suspect = undefined;
    this.#complain(
      "ends",
      alone.topic,
      `it ended ${ends} connections over the same message, which is kept as a dead letter`,
    );
    this.#outbox.discard(alone, "connection-ends");
  }

  #complain(what: string, topic: string, why: string): void {
    const key = `${what} ${topic}`;
    if (this.#complaints.has(key)) return;
    this.#complaints.add(key);
    this.#log.error({ ...(topic === "" ? {} : { topic }) }, `the broker refused a message: ${why}`);
  }
}

function hex(reason: number): string {
  return `0x${reason.toString(16).padStart(2, "0")}`;
}
