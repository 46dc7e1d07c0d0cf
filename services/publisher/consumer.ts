/**
 * A consumer that gets every message once: it drops repetitions by device, epoch and sequence, and notes sequences that
 * are missing and that no loss report explains. It is the reference for consumers, and what `nightjar watch` uses.
 *
 * Gaps can only be seen by who subscribes to everything under the prefix, since the sequence runs over all topics.
 *
 * A message is acknowledged when it has been handled. One whose handling fails, or does not come to its end because the
 * process does, is delivered again: with a client identifier, also to the next process.
 */
import "./packet-library.ts";
import { connect, type IPublishPacket, type MqttClient } from "mqtt";
import { messageOf } from "../log/errors.ts";
import { identityOf, type MessageIdentity } from "./identity.ts";
import { lossReport } from "./messages.ts";
import { type Range, RangeSet } from "./outbox/range-set.ts";

const DEFAULT_EXPIRY_S = 7 * 24 * 3600;
const RECONNECT_MS = 500;

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
  /** How long the broker keeps the session of a fixed client identifier (MQTT 5). Default 7 days. Seconds. */
  readonly sessionExpirySeconds?: number | undefined;
  /** CA certificates (PEM) for mqtts: addresses; default: the system's. */
  readonly ca?: string | Buffer | undefined;
  /** Certificate and key (PEM) of this client, where the broker wants them. */
  readonly certificate?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** A message could not be handled, and will come again. Default: nothing is said. */
  readonly onProblem?: ((problem: Error) => void) | undefined;
  /** What save() gave before a restart. */
  readonly saved?: readonly SavedStream[] | undefined;
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
  /** Messages that came after one with a higher sequence, late ones aside: what the broker had put off. */
  readonly reordered: number;
  /** Missing and not explained, as runs. */
  readonly gaps: readonly (readonly [from: number, to: number])[];
  /** Missing and explained by loss reports. */
  readonly reportedLost: number;
}

/** What has to be kept over restarts of a consumer, so that it still takes each message once. */
export interface SavedStream {
  readonly device: string;
  readonly epoch: string;
  /** From here on, missing sequences are gaps. */
  readonly first: number;
  readonly seen: readonly Range[];
  readonly explained: readonly Range[];
}

/** What is known about the sequences of one device and epoch. */
class Stream {
  readonly device: string;
  readonly epoch: string;
  received = 0;
  duplicates = 0;
  reordered = 0;
  #first: number;
  #highest: number;
  readonly #seen = new RangeSet();
  /** From loss reports. */
  readonly #explained = new RangeSet();

  constructor({ device, epoch, first, seen, explained }: SavedStream) {
    this.device = device;
    this.epoch = epoch;
    this.#first = first;
    for (const [from, to] of seen) this.#seen.add(from, to);
    for (const [from, to] of explained) this.#explained.add(from, to);
    this.#highest = seen.at(-1)?.[1] ?? 0;
  }

  /** False for a repetition. */
  take(sequence: number, isLate: boolean): boolean {
    if (this.#seen.has(sequence)) {
      this.duplicates += 1;
      return false;
    }
    this.#seen.add(sequence);
    // A loss report came before any message.
    if (this.#first === Number.MAX_SAFE_INTEGER) this.#first = sequence;
    // Late messages come after live ones on purpose.
    if (sequence < this.#highest && !isLate) this.reordered += 1;
    this.#highest = Math.max(this.#highest, sequence);
    this.received += 1;
    return true;
  }

  /** It was not handled after all. */
  giveBack(sequence: number): void {
    this.#seen.remove(sequence);
    this.received -= 1;
  }

  explain(ranges: readonly Range[]): void {
    for (const [from, to] of ranges) this.#explained.add(from, to);
  }

  state(): StreamState {
    const { device, epoch, received, duplicates, reordered } = this;
    const missing = RangeSet.missing(this.#first, this.#highest, this.#seen);
    const gaps = RangeSet.missing(this.#first, this.#highest, this.#seen, this.#explained);
    return { device, epoch, received, duplicates, reordered, gaps, reportedLost: countOf(missing) - countOf(gaps) };
  }

  save(): SavedStream {
    const { device, epoch } = this;
    return { device, epoch, first: this.#first, seen: this.#seen.ranges(), explained: this.#explained.ranges() };
  }
}

function countOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #onMessage: (message: ConsumedMessage) => unknown;
  readonly #streams = new Map<string, Stream>();
  #client: MqttClient | undefined;

  /**
   * @param onMessage gets each message once, one after the other; where it returns a promise, the next one waits for it. The
   * message is acknowledged when it resolves; when it rejects, the message comes again on the next connection.
   */
  constructor(options: ConsumerOptions, onMessage: (message: ConsumedMessage) => unknown) {
    this.#options = options;
    this.#onMessage = onMessage;
    for (const saved of options.saved ?? []) this.#streams.set(`${saved.device}/${saved.epoch}`, new Stream(saved));
  }

  /** Resolves when the subscription holds. Reconnects by itself until stop(). @throws Error when the first attempt fails, or the broker refuses the subscription */
  async start(): Promise<void> {
    const client = connect(this.#options.url, this.#clientOptions());
    this.#client = client;
    // In place before the connection is: what waits in a session comes at once.
    client.handleMessage = (packet, done) => {
      void this.#handle(packet).then(
        () => done(),
        (error) => this.#failed(client, error),
      );
    };
    try {
      await firstConnection(client);
      const filter = `${this.#options.topicPrefix}/#`;
      const [granted] = await client.subscribeAsync(filter, { qos: 1 });
      if (granted === undefined || granted.qos > 2)
        throw new Error(`the broker does not let us subscribe to ${filter}`);
    } catch (error) {
      client.end(true);
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#client?.endAsync(true);
  }

  streams(): StreamState[] {
    return [...this.#streams.values()].map((stream) => stream.state());
  }

  /** Keep it together with the effects of the messages, in one transaction, and each has its effect once. */
  save(): SavedStream[] {
    return [...this.#streams.values()].map((stream) => stream.save());
  }

  #clientOptions() {
    const { username, password, clientId, protocol, ca, certificate, key } = this.#options;
    const sessionExpiryInterval = this.#options.sessionExpirySeconds ?? DEFAULT_EXPIRY_S;
    return {
      protocolVersion: protocol === "3.1.1" ? 4 : 5,
      clean: clientId === undefined,
      reconnectPeriod: RECONNECT_MS,
      ...(clientId === undefined ? {} : { clientId, properties: { sessionExpiryInterval } }),
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    } as const;
  }

  /** It is not acknowledged, so the broker sends it again on the next connection. */
  #failed(client: MqttClient, error: unknown): void {
    this.#options.onProblem?.(error instanceof Error ? error : new Error(messageOf(error)));
    client.stream.destroy();
  }

  async #handle(packet: IPublishPacket): Promise<void> {
    const { topic, properties, retain: retained } = packet;
    const payload = Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload);
    const document = parse(payload);
    const identity = identityOf(properties?.userProperties, document);
    const stream = identity === undefined ? undefined : this.#stream(identity);
    const isNew = identity === undefined || stream?.take(identity.sequence, identity.late === true) === true;
    if (topic === `${this.#options.topicPrefix}/loss`) this.#explain(document);
    if (!isNew) return;
    const path = topic.slice(this.#options.topicPrefix.length + 1);
    try {
      await this.#onMessage({ topic, path, payload, document, identity, retained });
    } catch (error) {
      if (identity !== undefined) stream?.giveBack(identity.sequence);
      throw error;
    }
  }

  /** The report's epoch is that of the lost messages, not always its own. */
  #explain(document: unknown): void {
    const report = lossReport.safeParse(document);
    if (!report.success || report.data.ranges === undefined) return;
    const { device, epoch, ranges } = report.data;
    this.#stream({ device, epoch, sequence: Number.MAX_SAFE_INTEGER }).explain(ranges);
  }

  #stream({ device, epoch, sequence }: MessageIdentity): Stream {
    const key = `${device}/${epoch}`;
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    // Whoever joins late has no gap before the first message that it sees.
    const stream = new Stream({ device, epoch, first: sequence, seen: [], explained: [] });
    this.#streams.set(key, stream);
    return stream;
  }
}

/** Resolves when it is up; rejects when the first attempt fails. */
function firstConnection(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("close", () => reject(new Error("the connection was closed")));
    // A broker that restarts later is no error: the client tries again.
    client.on("error", reject);
  });
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}
