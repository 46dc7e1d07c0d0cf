/**
 * Keeps what the embedded broker holds for absent subscribers within bounds. Its library queues without limit for every client
 * that asked for a session and went away, and this is the memory of the device.
 */

/** A message in a queue of the library. */
interface Queued {
  readonly topic?: string;
  readonly payload?: Buffer | string;
  readonly messageId?: number | undefined;
}

interface ClientId {
  readonly id: string;
}

/** Of the library's store in memory, what we use or guard. */
export interface SessionStore {
  outgoingEnqueue(subscription: { readonly clientId: string }, packet: Queued): Promise<void>;
  outgoingEnqueueCombi(subscriptions: readonly { readonly clientId: string }[], packet: Queued): Promise<void>;
  outgoingClearMessageId(client: ClientId, packet: Queued): Promise<Queued | undefined>;
  outgoingStream(client: ClientId): AsyncIterable<Queued>;
  cleanSubscriptions(client: ClientId): Promise<unknown>;
  cleanIncoming?(client: ClientId): Promise<unknown>;
  storeRetained(packet: Queued): Promise<void>;
}

export interface SessionLimits {
  /** Of one session. */
  readonly messages: number;
  /** Of all sessions together. */
  readonly bytes: number;
  /** The one that has been away longest ends when there are more. */
  readonly sessions: number;
  /** A session of a client that has been away for longer ends. Milliseconds. */
  readonly absentMs: number;
  /** Topics with a retained message; no more are taken. */
  readonly retained: number;
}

export const SESSION_LIMITS: SessionLimits = {
  messages: 10_000,
  bytes: 16 * 1024 * 1024,
  sessions: 100,
  absentMs: 3_600_000,
  retained: 10_000,
};

interface Session {
  /** Undefined while the client is connected. By performance.now(). */
  absentSince: number | undefined;
  messages: number;
  bytes: number;
  /** Given up since it was here. */
  dropped: number;
}

/** What a message takes beside its topic and payload, roughly. Bytes. */
const OVERHEAD = 200;

export class BrokerSessions {
  readonly #store: SessionStore;
  readonly #limits: SessionLimits;
  readonly #say: (text: string) => void;
  readonly #now: () => number;
  /** By client identifier. */
  readonly #sessions = new Map<string, Session>();
  readonly #retained = new Set<string>();
  #bytes = 0;

  /** @param say gets each loss in words, once */
  constructor(
    store: SessionStore,
    limits: SessionLimits,
    say: (text: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#store = store;
    this.#limits = limits;
    this.#say = say;
    this.#now = now;
    this.#guard();
  }

  /** What waits for all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** A client is there, and wants its session kept. */
  async here(id: string): Promise<void> {
    const session = this.#sessionOf(id);
    session.absentSince = undefined;
    if (session.dropped > 0) this.#say(`"${id}" is back; ${session.dropped} messages for it were given up meanwhile`);
    session.dropped = 0;
    while (this.#sessions.size > this.#limits.sessions) {
      const [oldest] = this.#absent();
      if (oldest === undefined) break;
      await this.#end(oldest, `there are more than ${this.#limits.sessions} sessions`);
    }
  }

  /** @param keeps false: it wanted no session, or none any more */
  left(id: string, keeps: boolean): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    if (keeps) session.absentSince = this.#now();
    else this.#forget(id, session);
  }

  /** Ends the sessions of those who have been away for too long. */
  async tidy(): Promise<void> {
    const { absentMs } = this.#limits;
    for (const id of this.#absent()) {
      if (this.#now() - this.#sessions.get(id)!.absentSince! <= absentMs) return;
      await this.#end(id, `it has been away for ${Math.round(absentMs / 60_000)} min`);
    }
  }

  async #end(id: string, why: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    const lost = session.messages + session.dropped;
    await this.#store.cleanSubscriptions({ id });
    await this.#store.cleanIncoming?.({ id });
    while (await this.#dropOldest(id));
    this.#forget(id, session);
    this.#say(`the session of "${id}" ended, for ${why}; ${lost} messages for it were given up`);
  }

  #forget(id: string, session: Session): void {
    this.#bytes -= session.bytes;
    this.#sessions.delete(id);
  }

  /** Absent clients, those that have been away longest first. */
  #absent(): string[] {
    const absent = [...this.#sessions].flatMap(([id, { absentSince }]) =>
      absentSince === undefined ? [] : [[id, absentSince] as const],
    );
    return absent.sort((a, b) => a[1] - b[1]).map(([id]) => id);
  }

  #guard(): void {
    const store = this.#store;
    const enqueue = store.outgoingEnqueue.bind(store);
    const clear = store.outgoingClearMessageId.bind(store);
    const storeRetained = store.storeRetained.bind(store);
    store.outgoingEnqueue = (subscription, packet) => this.#enqueue(subscription.clientId, packet, enqueue);
    store.outgoingEnqueueCombi = async (subscriptions, packet) => {
      for (const { clientId } of subscriptions) await this.#enqueue(clientId, packet, enqueue);
    };
    store.outgoingClearMessageId = async (client, packet) => {
      const cleared = await clear(client, packet);
      if (cleared !== undefined) this.#count(client.id, -1, -sizeOf(cleared));
      return cleared;
    };
    store.storeRetained = async (packet) => {
      if (this.#takesRetained(packet)) await storeRetained(packet);
    };
  }

  async #enqueue(id: string, packet: Queued, enqueue: SessionStore["outgoingEnqueue"]): Promise<void> {
    const session = this.#sessionOf(id);
    const bytes = sizeOf(packet);
    const isHere = session.absentSince === undefined;
    const isFull = () => this.#bytes + bytes > this.#limits.bytes;
    for (const absent of isFull() ? this.#absent() : []) {
      const other = this.#sessions.get(absent);
      while (other !== undefined && isFull() && (await this.#drop(absent, other)));
    }
    // One that is there and acknowledges nothing is cut off by the library when it finds that the message is not kept.
    if (isHere && (isFull() || session.messages >= this.#limits.messages)) return;
    this.#count(id, 1, bytes);
    await enqueue({ clientId: id }, packet);
    while (!isHere && session.messages > this.#limits.messages && (await this.#drop(id, session)));
  }

  async #drop(id: string, session: Session): Promise<boolean> {
    if (!(await this.#dropOldest(id))) return false;
    if (session.dropped === 0) this.#say(`"${id}" is away, and more waits for it than fits: the oldest is given up`);
    session.dropped += 1;
    return true;
  }

  /** What was never sent first: it has no identifier yet. False when nothing waits. */
  async #dropOldest(id: string): Promise<boolean> {
    if ((await this.#store.outgoingClearMessageId({ id }, { messageId: undefined })) !== undefined) return true;
    for await (const { messageId } of this.#store.outgoingStream({ id }))
      return (await this.#store.outgoingClearMessageId({ id }, { messageId })) !== undefined;
    return false;
  }

  #count(id: string, messages: number, bytes: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    session.messages += messages;
    // The library puts shorter packets in the place of those of QoS 2.
    const change = session.messages === 0 ? -session.bytes : bytes;
    session.bytes += change;
    this.#bytes += change;
  }

  #takesRetained({ topic = "", payload = "" }: Queued): boolean {
    if (payload.length === 0) this.#retained.delete(topic);
    else if (this.#retained.has(topic) || this.#retained.size < this.#limits.retained) this.#retained.add(topic);
    else return false;
    return true;
  }

  #sessionOf(id: string): Session {
    const known = this.#sessions.get(id);
    if (known !== undefined) return known;
    const session: Session = { absentSince: undefined, messages: 0, bytes: 0, dropped: 0 };
    this.#sessions.set(id, session);
    return session;
  }
}

function sizeOf({ topic = "", payload = "" }: Queued): number {
  return OVERHEAD + topic.length + payload.length;
}
