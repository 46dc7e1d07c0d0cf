/** Moves messages from the outbox to the broker: a window of them at a time, each until the broker's word is final. */
import type { Logger } from "../log/logger.ts";
import { Backoff } from "./backoff.ts";
import type { Blame } from "./broker-problem.ts";
import type { BrokerConnection, BrokerLimits, OutgoingMessage, PublishResult } from "./connection.ts";
import type { Outbox } from "./outbox/outbox.ts";
import type { TakenMessage } from "./outbox/types.ts";
import { Suspicion } from "./suspicion.ts";

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
  readonly #suspicion = new Suspicion();
  /** Topics of messages over which connections ended, and of which nothing was acknowledged since. */
  readonly #condemned = new Set<string>();
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
    const { silenceMs } = this.#suspicion;
    if (silenceMs > 0) this.#pauseFor(silenceMs);
    this.pump();
  }

  /** @param blame whether what was in flight may be why the connection ended */
  down(blame: Blame): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    if (this.#limits === undefined) return;
    this.#limits = undefined;
    this.#generation += 1;
    this.#judge(blame);
    this.#inFlight.clear();
    this.#outbox.offline();
  }

  stop(): void {
    this.down("nobody");
    for (const { timer } of this.#blocked.values()) clearTimeout(timer);
  }

  /** Sends what may be sent. Call it when there is something new. */
  pump(): void {
    const limits = this.#limits;
    if (limits === undefined || this.#pause !== undefined) return;
    const { free } = this.#connection;
    const window = this.#suspicion.isCautious ? Math.min(free, 1 - this.#inFlight.size) : free;
    if (window <= 0) return;
    for (const message of this.#outbox.take(window)) this.#send(message);
  }

  #send(message: TakenMessage): void {
    const outgoing = this.#options.outgoing(message);
    const excess = this.#connection.excess(outgoing);
    if (excess !== undefined) {
      this.#complain(
        "too large",
        message.topic,
        `it takes at most ${excess.most} bytes, not ${excess.bytes}; such messages are kept as dead letters`,
      );
      this.#outbox.discard(message, "too-large");
      queueMicrotask(() => this.pump());
      return;
    }
    const generation = this.#generation;
    this.#inFlight.add(message);
    this.#options.onSent(message);
    this.#suspicion.sent();
    void this.#connection.send(outgoing).then((result) => {
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
      this.#suspicion.acknowledged();
      this.#condemned.delete(topic);
      this.#backoff.reset();
      this.#allowed(topic);
      this.#outbox.acknowledge(message);
      this.#options.onAcknowledged(message);
    } else if (result.outcome === "lost") {
      this.#outbox.giveBack(message);
    } else if (PASSING.has(result.reason)) {
      this.#outbox.giveBack(message);
      this.#pauseFor(this.#backoff.next());
      this.#complain("busy", "", `it cannot take messages now (${hex(result.reason)}); they are kept`);
    } else if (result.reason === NOT_AUTHORISED) {
      this.#block(topic);
      this.#outbox.giveBack(message);
      this.#complainOfAccess(topic);
    } else {
      this.#outbox.discard(message, `refused-${hex(result.reason)}`);
      this.#complain(
        "refused",
        topic,
        `reason ${hex(result.reason)}; such messages are kept as dead letters, and counted`,
      );
    }
  }

  #pauseFor(ms: number): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.pump();
    }, ms);
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

  /** Gives up the message over which connections end; where a topic's next one does the same, the topic is set aside instead. */
  #judge(blame: Blame): void {
    const inFlight = [...this.#inFlight];
    const keys = inFlight.map(({ epoch, sequence }) => `${epoch}/${sequence}`);
    const verdict = this.#suspicion.ended(blame, keys);
    const [alone] = inFlight;
    if (verdict === "none" || alone === undefined) return;
    const { topic } = alone;
    if (verdict === "topic" || this.#condemned.has(topic)) {
      this.#block(topic);
      this.#complainOfAccess(topic);
      return;
    }
    this.#condemned.add(topic);
    this.#complain("ends", topic, "it ends connections over the same message, which is kept as a dead letter");
    this.#outbox.discard(alone, "connection-ends");
  }

  #complainOfAccess(topic: string): void {
    const why = "this device may not publish there: correct the broker's access list; messages are kept";
    this.#complain("not authorised", topic, why);
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
