/**
 * What the page knows, and who wants to hear of it. One stream of server-sent events feeds it; it is closed while nobody looks at the
 * page, and opened again where it stopped.
 */
import { get } from "./api.js";

/** @import { Status } from "../../../supervisor/status.ts" */
/** @import { SessionView } from "../../../control/accounts/session-routes.ts" */
/** @import { LogEntry } from "../../../log/entry.ts" */

/**
 * @typedef {{ id: number, type: string, time: number, camera?: string, data: any }} News
 * @typedef {SessionView} Session
 * @typedef {"connecting" | "live" | "lost"} Connection
 * @typedef {Omit<Status, "log">} PageStatus
 */

const KINDS = ["event", "camera", "process", "bundle", "update", "broker", "status", "log"];
const KEPT_EVENTS = 200;
const KEPT_LOG = 1000;
/** A page that nobody looks at gives its connection back after this; coming back takes a moment. Milliseconds. */
const HIDDEN_MS = 30_000;
/** The browser tries again by itself, but not after an answer that is no stream, as while Nightjar starts. Milliseconds. */
const RETRY_MS = 2000;
/** Events are shown together, this often. Milliseconds. */
const EVENTS_MS = 300;

export class Store {
  /** @type {PageStatus | undefined} */
  status;
  /** @type {Connection} */
  connection = "connecting";
  /** What modules and cameras told, newest first. @type {News[]} */
  events = [];
  /** Oldest first. @type {LogEntry[]} */
  log = [];
  #listeners = new EventTarget();
  /** @type {EventSource | undefined} */
  #stream;
  #lastId = 0;
  #startedAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #eventsTimer;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
  }

  /**
   * Calls back on changes of a kind ("status", "events", "log", "connection", "bundle", "update", "process", "broker", "camera") until the
   * signal ends it.
   * @param {string} kind
   * @param {(news: any) => void} listener
   * @param {AbortSignal} [signal]
   */
  on(kind, listener, signal) {
    const heard = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.#listeners.addEventListener(kind, heard, signal === undefined ? {} : { signal });
  }

  open() {
    this.close();
    const stream = new EventSource(`/api/events?types=${KINDS.join(",")}&after=${this.#lastId}`);
    this.#stream = stream;
    stream.onopen = () => this.#setConnection("live");
    stream.onerror = () => this.#failed(stream);
    for (const kind of KINDS) stream.addEventListener(kind, (message) => this.#take(message));
  }

  close() {
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.#stream = undefined;
  }

  /** @param {EventSource} stream */
  #failed(stream) {
    this.#setConnection("lost");
    if (stream.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#reopen(), RETRY_MS);
  }

  /** A refused stream does not say why; an ordinary request does, and one that nobody is logged in for brings the login. */
  async #reopen() {
    try {
      await get("/api/health");
      this.open();
    } catch {
      if (this.#stream !== undefined) this.#timer = setTimeout(() => this.#reopen(), RETRY_MS);
    }
  }

  #visibilityChanged() {
    if (document.visibilityState === "hidden") {
      if (this.#stream !== undefined) this.#timer = setTimeout(() => this.close(), HIDDEN_MS);
    } else if (this.connection !== "connecting") {
      clearTimeout(this.#timer);
      if (this.#stream === undefined) this.open();
    }
  }

  /** @param {Connection} connection */
  #setConnection(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    this.#tell("connection", connection);
  }

  /** @param {MessageEvent} message */
  #take(message) {
    const news = /** @type {News} */ ({ id: Number(message.lastEventId), ...JSON.parse(message.data) });
    this.#lastId = Math.max(this.#lastId, news.id);
    if (news.type === "status") return this.#takeStatus(news.data);
    if (news.type === "log") return this.#takeLog(news.data);
    this.events.unshift(news);
    this.events.length = Math.min(this.events.length, KEPT_EVENTS);
    this.#tell(news.type, news.data);
    this.#tellEventsSoon();
  }

  /** Many events a second are one change of the page. */
  #tellEventsSoon() {
    if (this.#eventsTimer !== undefined) return;
    this.#eventsTimer = setTimeout(() => {
      this.#eventsTimer = undefined;
      this.#tell("events", undefined);
    }, EVENTS_MS);
  }

  /** @param {PageStatus} status */
  #takeStatus(status) {
    const isRestart = this.#startedAt !== 0 && status.startedAt !== this.#startedAt;
    this.#startedAt = status.startedAt;
    if (isRestart) return this.#restarted();
    this.status = status;
    this.#tell("status", status);
  }

  /** @param {LogEntry} entry */
  #takeLog(entry) {
    this.log.push(entry);
    if (this.log.length > KEPT_LOG) this.log.splice(0, this.log.length - KEPT_LOG);
    this.#tell("log", entry);
  }

  /** Numbers of news begin anew with the supervisor: what we have seen says nothing any more. */
  #restarted() {
    this.#lastId = 0;
    this.events = [];
    this.log = [];
    this.#tell("restart", undefined);
    this.open();
  }

  /**
   * @param {string} kind
   * @param {unknown} detail
   */
  #tell(kind, detail) {
    this.#listeners.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
