/**
 * Commands over MQTT. Who may give which is the broker's access list's business: each command has a topic of its own.
 *
 * A command that changes something is done once for each caller and id: it is written down as begun, done, and written
 * down with its reply before the reply goes out. A repetition gets the same reply again.
 */
import { createHash } from "node:crypto";
import { messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import { answered } from "./answered.ts";
import { type IncomingMessage, type OutgoingMessage, type PublishResult, TOO_LARGE } from "./connection.ts";
import { commandRequest } from "./messages.ts";
import type { JournalEntry } from "./outbox/journal.ts";
import { isTopic, type Topics } from "./topics.ts";
import type { CommandReply, PublisherHooks } from "./types.ts";

/** Where commands are written down. */
export interface CommandJournal {
  /** What is known of this id; undefined when it is new, and then it is written down as begun. */
  begin(id: string, what: string, at: number): Promise<JournalEntry | undefined>;
  finish(id: string, reply: string): Promise<unknown>;
  /** It was not begun after all. */
  forget(id: string): Promise<unknown>;
}

export interface CommandParts {
  readonly device: string;
  readonly prefix: string;
  readonly topics: Topics;
  readonly hooks: PublisherHooks;
  readonly log: Logger;
  /** Undefined while the disk does not work: then nothing is changed. */
  journal(): CommandJournal | undefined;
  publish(message: OutgoingMessage): Promise<PublishResult>;
  /** How long the journal may take. Default 5 s. Milliseconds. */
  readonly journalLimitMs?: number | undefined;
}

const MAX_BYTES = 64 * 1024;
const MAX_CORRELATION_BYTES = 256;
const MAX_REPLY_BYTES = 256 * 1024;
/** Commands at work at the same time; more are refused. */
const MAX_AT_WORK = 16;
/** Commands whose replies are not out yet; more are not taken at all, for their replies would have no end. */
const MAX_OPEN = 32;
const JOURNAL_LIMIT_MS = 5000;

interface Question {
  readonly command: string;
  readonly id: string | undefined;
  readonly input: unknown;
  /** Of caller and id: two callers may have the same id. */
  readonly key: string;
  /** What is asked, so that an id is not used for two things. */
  readonly what: string;
}

export class CommandService {
  readonly #parts: CommandParts;
  /** By key: a repetition waits for the first one. */
  readonly #atWork = new Map<string, { readonly what: string; readonly reply: Promise<CommandReply> }>();
  #running = 0;
  #open = 0;
  #ignored = 0;

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  async take(message: IncomingMessage): Promise<void> {
    const command = this.#parts.topics.commandOf(message.topic);
    if (command === undefined) return;
    if (message.retained) {
      this.#parts.log.warn({ command }, "a retained command was ignored: it would be done again on each connection");
      return;
    }
    if (this.#open >= MAX_OPEN) return this.#ignore();
    this.#open += 1;
    try {
      const question = questionOf(command, message);
      const reply = typeof question === "string" ? failure("invalid", question) : await this.#answer(question);
      await this.#reply(message, command, typeof question === "string" ? undefined : question.id, reply);
    } finally {
      this.#open -= 1;
      if (this.#open === 0) this.#sayIgnored();
    }
  }

  #ignore(): void {
    if (this.#ignored === 0)
      this.#parts.log.warn(`${MAX_OPEN} replies are not out yet: further commands are ignored until some are`);
    this.#ignored += 1;
  }

  #sayIgnored(): void {
    if (this.#ignored > 0) this.#parts.log.warn({ count: this.#ignored }, "commands were ignored");
    this.#ignored = 0;
  }

  async #answer(question: Question): Promise<CommandReply> {
    const { id, key, what } = question;
    const known = id === undefined ? undefined : this.#atWork.get(key);
    if (known !== undefined) return known.what === what ? known.reply : conflict();
    if (this.#running >= MAX_AT_WORK)
      return failure("busy", `${MAX_AT_WORK} commands are at work already; ask again later`);
    this.#running += 1;
    const reply = this.#do(question).finally(() => {
      this.#running -= 1;
      if (id !== undefined) this.#atWork.delete(key);
    });
    if (id !== undefined) this.#atWork.set(key, { what, reply });
    return reply;
  }

  async #do(question: Question): Promise<CommandReply> {
    const { command, id } = question;
    if (this.#parts.hooks.isReading?.(command) !== false) return this.#run(question);
    if (id === undefined)
      return failure(
        "invalid",
        "a command that changes something needs correlation data, or an id in its payload, so that it can be repeated safely",
      );
    const journal = this.#parts.journal();
    return journal === undefined ? unavailable("see the status") : this.#doOnce(question, journal);
  }

  async #doOnce(question: Question, journal: CommandJournal): Promise<CommandReply> {
    const { log, journalLimitMs = JOURNAL_LIMIT_MS } = this.#parts;
    const { command, id, key, what } = question;
    const begun = journal.begin(key, what, Date.now());
    const before = await answered(begun, journalLimitMs);
    if (!before.ok) {
      // A disk that was only slow has it now: a repetition is not to find it begun.
      begun.then((entry) => (entry === undefined ? journal.forget(key) : undefined)).catch(() => undefined);
      return unavailable(before.problem);
    }
    if (before.value !== undefined) return repeated(before.value, what);
    const reply = await this.#run(question);
    log.info({ command, id, ok: reply.ok }, "a command came over MQTT");
    const kept = await answered(journal.finish(key, JSON.stringify(reply)), journalLimitMs);
    if (!kept.ok)
      log.error(
        { command, id },
        `the reply to a command was not written down, so it cannot be repeated: ${kept.problem}`,
      );
    return reply;
  }

  async #run({ command, input }: Question): Promise<CommandReply> {
    try {
      const reply = await this.#parts.hooks.runCommand?.(command, input);
      return limited(reply ?? failure("unknown", `there is no command "${command}"`));
    } catch (error) {
      this.#parts.log.error({ err: error, command }, "a command failed by our fault");
      return failure("failed", messageOf(error));
    }
  }

  async #reply(message: IncomingMessage, command: string, id: string | undefined, reply: CommandReply): Promise<void> {
    const { log, topics } = this.#parts;
    const topic = message.responseTopic ?? topics.reply(command);
    if (!this.#mayReplyTo(topic)) {
      log.warn({ command, topic }, "a command asks for its reply where this device does not reply; it got none");
      return;
    }
    const say = (what: CommandReply) => this.#publish(message, topic, command, id, what);
    const result = await say(reply);
    if (result.outcome !== "refused") return;
    const shorter = failure("too-large", "the broker takes no message as large as this reply; ask over HTTP");
    const isTold = result.reason === TOO_LARGE && (await say(shorter)).outcome === "taken";
    if (!isTold)
      log.warn({ command, topic }, "the broker refused the reply to a command: this device may not publish there");
  }

  #publish(
    { correlation }: IncomingMessage,
    topic: string,
    command: string,
    id: string | undefined,
    reply: CommandReply,
  ): Promise<PublishResult> {
    const document = {
      version: "1.0",
      device: this.#parts.device,
      command,
      ...(id === undefined ? {} : { id }),
      "@timestamp": new Date().toISOString(),
      ...reply,
    };
    return this.#parts.publish({
      topic,
      payload: Buffer.from(JSON.stringify(document)),
      qos: 1,
      retain: false,
      contentType: "application/json",
      correlation: (correlation?.length ?? 0) > MAX_CORRELATION_BYTES ? undefined : correlation,
    });
  }

  /** Not over our own messages, which others trust. */
  #mayReplyTo(topic: string): boolean {
    const { prefix } = this.#parts;
    const isOurs = topic === prefix || topic.startsWith(`${prefix}/`);
    return isTopic(topic) && !topic.startsWith("$") && (!isOurs || topic.startsWith(`${prefix}/reply/`));
  }
}

/** What is asked, or why it cannot be read. */
function questionOf(command: string, message: IncomingMessage): Question | string {
  const { payload, correlation, responseTopic = "" } = message;
  if (payload.length > MAX_BYTES) return `the command is longer than ${MAX_BYTES} bytes`;
  if ((correlation?.length ?? 0) > MAX_CORRELATION_BYTES)
    return `the correlation data is longer than ${MAX_CORRELATION_BYTES} bytes`;
  const parsed = commandRequest.safeParse(payload.length === 0 ? {} : parse(payload));
  if (!parsed.success)
    return 'expected a JSON object with the members "input" (an object) and "id" (a text of at most 200 characters), each optional';
  const id = correlation === undefined ? parsed.data.id : `c:${correlation.toString("hex")}`;
  const input = parsed.data.input ?? {};
  // The nearest that MQTT has to the name of a caller is where it wants its replies.
  const key = fingerprint(`${responseTopic}\0${id}`);
  return { command, id, input, key, what: `${command} ${fingerprint(JSON.stringify(input))}` };
}

function fingerprint(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}

function repeated(before: JournalEntry, what: string): CommandReply {
  if (before.command !== what) return conflict();
  if (before.reply !== null) return JSON.parse(before.reply) as CommandReply;
  return failure(
    "interrupted",
    "Nightjar ended while it did this command; look at the status before you ask again under another id",
  );
}

/** A reply that a broker may be expected to take, and that the journal can keep. */
function limited(reply: CommandReply): CommandReply {
  const { length } = JSON.stringify(reply);
  if (length <= MAX_REPLY_BYTES) return reply;
  const message = `the command was done, but its output has ${length} bytes, and a reply at most ${MAX_REPLY_BYTES}; ask over HTTP`;
  return failure("too-large", message);
}

function conflict(): CommandReply {
  return failure("conflict", "this id belongs to another command or input; each needs an id of its own");
}

function unavailable(why: string): CommandReply {
  return failure("unavailable", `the disk takes nothing now, so nothing is changed: ${why}`);
}

export function failure(code: string, message: string): CommandReply {
  return { ok: false, error: { code, message } };
}
