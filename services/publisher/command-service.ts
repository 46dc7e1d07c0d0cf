/**
 * Commands over MQTT. Who may give which is the broker's access list's business: each command has a topic of its own.
 *
 * A command that changes something is done once for each correlation id: it is written down as begun, done, and written
 * down with its reply before the reply goes out. A repetition gets the same reply again.
 */
import type { Logger } from "../log/logger.ts";
import type { IncomingMessage, OutgoingMessage, PublishResult } from "./connection.ts";
import { commandRequest } from "./messages.ts";
import type { JournalEntry } from "./outbox/journal.ts";
import { isTopic, type Topics } from "./topics.ts";
import type { CommandReply, PublisherHooks } from "./types.ts";

/** Where commands are written down. */
export interface CommandJournal {
  begin(id: string, command: string, at: number): Promise<JournalEntry | undefined>;
  finish(id: string, reply: string): Promise<unknown>;
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
}

const MAX_BYTES = 64 * 1024;
/** Commands at work at the same time; more are refused. */
const MAX_AT_WORK = 16;

interface Question {
  readonly command: string;
  readonly id: string | undefined;
  readonly input: unknown;
}

export class CommandService {
  readonly #parts: CommandParts;
  /** By id: a repetition waits for the first one. */
  readonly #atWork = new Map<string, Promise<CommandReply>>();
  #running = 0;

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
    const question = questionOf(command, message);
    const reply = typeof question === "string" ? failure("invalid", question) : await this.#answer(question);
    await this.#reply(message, command, typeof question === "string" ? undefined : question.id, reply);
  }

  async #answer(question: Question): Promise<CommandReply> {
    const { id } = question;
    const known = id === undefined ? undefined : this.#atWork.get(id);
    if (known !== undefined) return known;
    if (this.#running >= MAX_AT_WORK)
      return failure("busy", `${MAX_AT_WORK} commands are at work already; ask again later`);
    this.#running += 1;
    const reply = this.#do(question).finally(() => {
      this.#running -= 1;
      if (id !== undefined) this.#atWork.delete(id);
    });
    if (id !== undefined) this.#atWork.set(id, reply);
    return reply;
  }

  async #do({ command, id, input }: Question): Promise<CommandReply> {
    const { hooks, log } = this.#parts;
    const run = async (): Promise<CommandReply> =>
      (await hooks.runCommand?.(command, input)) ?? failure("unknown", `there is no command "${command}"`);
    if (hooks.isReading?.(command) !== false) return run();
    if (id === undefined)
      return failure(
        "invalid",
        "a command that changes something needs correlation data, or an id in its payload, so that it can be repeated safely",
      );
    const journal = this.#parts.journal();
    if (journal === undefined)
      return failure("unavailable", "the disk takes nothing now, so nothing is changed; see the status");
    const before = await journal.begin(id, command, Date.now());
    if (before !== undefined) return repeated(before, command);
    const reply = await run();
    log.info({ command, id, ok: reply.ok }, "a command came over MQTT");
    await journal.finish(id, JSON.stringify(reply));
    return reply;
  }

  async #reply(message: IncomingMessage, command: string, id: string | undefined, reply: CommandReply): Promise<void> {
    const { device, topics, log, publish } = this.#parts;
    const topic = message.responseTopic ?? topics.reply(command);
    if (!this.#mayReplyTo(topic)) {
      log.warn({ command, topic }, "a command asks for its reply where this device does not reply; it got none");
      return;
    }
    const document = {
      version: "1.0",
      device,
      command,
      ...(id === undefined ? {} : { id }),
      "@timestamp": new Date().toISOString(),
      ...reply,
    };
    const { outcome } = await publish({
      topic,
      payload: Buffer.from(JSON.stringify(document)),
      qos: 1,
      retain: false,
      contentType: "application/json",
      correlation: message.correlation,
    });
    if (outcome === "refused")
      log.warn({ command, topic }, "the broker refused the reply to a command: this device may not publish there");
  }

  /** Not over our own messages, which others trust. */
  #mayReplyTo(topic: string): boolean {
    const { prefix } = this.#parts;
    const isOurs = topic === prefix || topic.startsWith(`${prefix}/`);
    return isTopic(topic) && !topic.startsWith("$") && (!isOurs || topic.startsWith(`${prefix}/reply/`));
  }
}

/** What is asked, or why it cannot be read. */
function questionOf(command: string, { payload, correlation }: IncomingMessage): Question | string {
  if (payload.length > MAX_BYTES) return `the command is longer than ${MAX_BYTES} bytes`;
  const parsed = commandRequest.safeParse(payload.length === 0 ? {} : parse(payload));
  if (!parsed.success)
    return 'expected a JSON object with the members "input" (an object) and "id" (a text of at most 200 characters), each optional';
  const id = correlation === undefined ? parsed.data.id : `c:${correlation.toString("hex")}`;
  return { command, id, input: parsed.data.input ?? {} };
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
}

function repeated(before: JournalEntry, command: string): CommandReply {
  if (before.command !== command)
    return failure("conflict", `this id belongs to a command "${before.command}"; each command needs an id of its own`);
  if (before.reply !== null) return JSON.parse(before.reply) as CommandReply;
  return failure(
    "interrupted",
    "Nightjar ended while it did this command; look at the status before you ask again under another id",
  );
}

export function failure(code: string, message: string): CommandReply {
  return { ok: false, error: { code, message } };
}
