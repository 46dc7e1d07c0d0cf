/** News for whoever listens: server-sent events, with the last ones kept for those who come later. */
import type { ServerResponse } from "node:http";

/**
 * event    an event of a module (zone, line, …), as it is published
 * camera   a camera changed its state, was added or removed
 * process  a process changed its state
 * bundle   a step of a bundle's activation, or of what is done about a module that failed
 * update   the updater's status changed
 * broker   the connection to the broker changed
 * objects  a message with objects, as it is published (many: only for those who ask)
 * status   the status without the log, once a second
 * log      a line of the log
 */
export const NEWS_TYPES = [
  "event",
  "camera",
  "process",
  "bundle",
  "update",
  "broker",
  "objects",
  "status",
  "log",
] as const;
export type NewsType = (typeof NEWS_TYPES)[number];

export interface News {
  readonly type: NewsType;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly camera?: string;
  readonly data: unknown;
}

/** So much of each kind is kept for a listener who comes later or comes back: many events must not push out the rest. */
const KEPT: Readonly<Partial<Record<NewsType, number>>> = {
  event: 100,
  camera: 50,
  process: 20,
  bundle: 50,
  update: 20,
  broker: 20,
  log: 300,
};

/** A listener who lets this much pile up is cut off; it comes back by itself and gets what was kept. Bytes. */
const MAX_PENDING_BYTES = 1024 * 1024;

/** Keeps proxies and dead peers from holding a silent connection. Milliseconds. */
const KEEP_ALIVE_MS = 15_000;

interface Listener {
  readonly response: ServerResponse;
  readonly types: ReadonlySet<NewsType>;
}

export class EventHub {
  readonly #listeners = new Set<Listener>();
  readonly #kept = new Map<NewsType, { readonly id: number; readonly news: News }[]>();
  #nextId = 1;
  readonly #keepAlive = setInterval(() => this.#sendKeepAlive(), KEEP_ALIVE_MS).unref();

  /** Whether anybody wants this kind: what is costly to make need not be made. */
  wants(type: NewsType): boolean {
    for (const listener of this.#listeners) if (listener.types.has(type)) return true;
    return false;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  publish(news: News): void {
    const id = this.#nextId++;
    this.#keep(id, news);
    if (!this.wants(news.type)) return;
    const text = frame(id, news);
    for (const listener of this.#listeners) if (listener.types.has(news.type)) this.#send(listener, text);
  }

  /**
   * Sends news until the listener leaves; the answer has begun, as text/event-stream.
   * @param after id of the last news that the listener has seen: it gets the kept ones since; undefined: only what comes from now on
   */
  listen(response: ServerResponse, types: readonly NewsType[], after: number | undefined): void {
    response.write("retry: 1000\n\n");
    const listener: Listener = { response, types: new Set(types) };
    if (after !== undefined) for (const { id, news } of this.#keptSince(after, types)) response.write(frame(id, news));
    this.#listeners.add(listener);
    response.once("close", () => this.#listeners.delete(listener));
  }

  close(): void {
    clearInterval(this.#keepAlive);
    for (const { response } of this.#listeners) response.end();
    this.#listeners.clear();
  }

  #keep(id: number, news: News): void {
    const limit = KEPT[news.type];
    if (limit === undefined) return;
    const kept = this.#kept.get(news.type) ?? [];
    kept.push({ id, news });
    if (kept.length > limit) kept.shift();
    this.#kept.set(news.type, kept);
  }

  #keptSince(after: number, types: readonly NewsType[]) {
    const kept = types.flatMap((type) => this.#kept.get(type) ?? []);
    return kept.filter(({ id }) => id > after).sort((a, b) => a.id - b.id);
  }

  #send(listener: Listener, text: string): void {
    if (listener.response.writableLength > MAX_PENDING_BYTES) {
      this.#listeners.delete(listener);
      listener.response.destroy();
      return;
    }
    listener.response.write(text);
  }

  #sendKeepAlive(): void {
    for (const listener of this.#listeners) this.#send(listener, ": still here\n\n");
  }
}

function frame(id: number, news: News): string {
  return `id: ${id}\nevent: ${news.type}\ndata: ${JSON.stringify(news)}\n\n`;
}
