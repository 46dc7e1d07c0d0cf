/**
 * A consumer that gets every message once: it drops repetitions by device, epoch and sequence, and notes sequences that
 * are missing and that no loss report explains. It is the reference for consumers, and what `nightjar watch` uses.
 *
 * Gaps can only be seen by who subscribes to everything under the prefix, since the sequence runs over all topics.
 */
import { connectAsync, type IPublishPacket, type MqttClient } from "mqtt";
import { identityOf, type MessageIdentity } from "./identity.ts";
import { rangesOf } from "./loss-report.ts";
import { lossReport } from "./messages.ts";

export interface ConsumerOptions {
  readonly url: string;
  /** Topics to follow are those below it. */
  readonly topicPrefix: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Default 5; use "3.1.1" for the embedded broker. */
  readonly protocol?: "5" | "3.1.1" | undefined;
  /** A fixed one keeps a session, so that the broker collects what comes while we are away. */
  readonly clientId?: string | undefined;
}

export interface ConsumedMessage {
  readonly topic: string;
  /** The topic without the prefix: "cameras/gate/objects". */
  readonly path: string;
  readonly payload: Buffer;
  /** The JSON document; undefined when the payload is none. */
  readonly document: unknown;
  readonly identity: MessageIdentity | undefined;
  readonly retained: boolean;
}

export interface StreamState {
  readonly device: string;
  readonly epoch: string;
  readonly received: number;
  readonly duplicates: number;
  /** Sequences that came in an order that is not theirs. */
  readonly reordered: number;
  /** Missing and not explained, as runs. */
  readonly gaps: readonly (readonly [from: number, to: number])[];
  /** Missing and explained by loss reports. */
  readonly reportedLost: number;
}

/** What is known about the sequences of one device and epoch. */
class Stream {
  readonly device: string;
  readonly epoch: string;
  received = 0;
  duplicates = 0;
  reordered = 0;
  #highest = 0;
  #missing = new Set<number>();
  #explained = 0;
  /** Runs from loss reports that came before their gap was seen. */
  readonly #announced: (readonly [number, number])[] = [];

  constructor(identity: MessageIdentity) {
    this.device = identity.device;
    this.epoch = identity.epoch;
    // Whoever joins late has no gap before the first message it sees.
    this.#highest = identity.sequence - 1;
  }

  /** False for a repetition. */
  take(sequence: number): boolean {
    if (sequence > this.#highest) {
      for (let missing = this.#highest + 1; missing < sequence; missing++) this.#miss(missing);
      this.#highest = sequence;
    } else if (this.#missing.delete(sequence)) {
      this.reordered += 1;
    } else {
      this.duplicates += 1;
      return false;
    }
    this.received += 1;
    return true;
  }

  explain(ranges: readonly (readonly [number, number])[]): void {
    this.#announced.push(...ranges);
    for (const sequence of [...this.#missing]) {
      if (!ranges.some(([from, to]) => sequence >= from && sequence <= to)) continue;
      this.#missing.delete(sequence);
      this.#explained += 1;
    }
  }

  state(): StreamState {
    const { device, epoch, received, duplicates, reordered } = this;
    return {
      device,
      epoch,
      received,
      duplicates,
      reordered,
      gaps: rangesOf([...this.#missing]),
      reportedLost: this.#explained,
    };
  }

  #miss(sequence: number): void {
    if (this.#announced.some(([from, to]) => sequence >= from && sequence <= to)) this.#explained += 1;
    else this.#missing.add(sequence);
  }
}

export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #onMessage: (message: ConsumedMessage) => void;
  readonly #streams = new Map<string, Stream>();
  #client: MqttClient | undefined;

  /** @param onMessage gets each message once */
  constructor(options: ConsumerOptions, onMessage: (message: ConsumedMessage) => void) {
    this.#options = options;
    this.#onMessage = onMessage;
  }

  /** Resolves when the subscription holds. Reconnects by itself until stop(). */
  async start(): Promise<void> {
    const { url, username, password, clientId, protocol } = this.#options;
    const client = await connectAsync(
      url,
      {
        protocolVersion: protocol === "3.1.1" ? 4 : 5,
        clean: clientId === undefined,
        reconnectPeriod: 500,
        ...(clientId === undefined ? {} : { clientId, properties: { sessionExpiryInterval: 3600 } }),
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
      },
      false,
    );
    this.#client = client;
    client.on("message", (topic, payload, packet) => this.#take(topic, payload, packet));
    // A broker that restarts is no error: the client tries again.
    client.on("error", () => undefined);
    await client.subscribeAsync(`${this.#options.topicPrefix}/#`, { qos: 1 });
  }

  async stop(): Promise<void> {
    await this.#client?.endAsync(true);
  }

  streams(): StreamState[] {
    return [...this.#streams.values()].map((stream) => stream.state());
  }

  #take(topic: string, payload: Buffer, packet: IPublishPacket): void {
    const document = parse(payload);
    const identity = identityOf(packet.properties?.userProperties, document);
    const isNew = identity === undefined || this.#stream(identity).take(identity.sequence);
    if (identity !== undefined && topic === `${this.#options.topicPrefix}/loss`) this.#explain(identity, document);
    if (!isNew) return;
    const path = topic.slice(this.#options.topicPrefix.length + 1);
    this.#onMessage({ topic, path, payload, document, identity, retained: packet.retain });
  }

  #explain(identity: MessageIdentity, document: unknown): void {
    const report = lossReport.safeParse(document);
    if (report.success && report.data.ranges !== undefined) this.#stream(identity).explain(report.data.ranges);
  }

  #stream(identity: MessageIdentity): Stream {
    const key = `${identity.device}/${identity.epoch}`;
    const stream = this.#streams.get(key) ?? new Stream(identity);
    this.#streams.set(key, stream);
    return stream;
  }
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}
