/** Commands: done once for each caller and id, never without a word, and never at the cost of what else is sent. */
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { expect, it } from "vitest";
import { type CommandJournal, CommandService } from "../../../services/publisher/command-service.ts";
import type { IncomingMessage, OutgoingMessage, PublishResult } from "../../../services/publisher/connection.ts";
import type { JournalEntry } from "../../../services/publisher/outbox/journal.ts";
import { topicsOf } from "../../../services/publisher/topics.ts";
import type { CommandReply } from "../../../services/publisher/types.ts";
import { waitUntil } from "../../support/wait.ts";

interface Setting {
  readonly journal?: CommandJournal;
  run?(name: string, input: unknown): Promise<CommandReply>;
  publish?(message: OutgoingMessage): Promise<PublishResult>;
}

function serving({ journal = inMemory(), run, publish }: Setting = {}) {
  const replies: Record<string, unknown>[] = [];
  const done: unknown[] = [];
  const service = new CommandService({
    device: "gate-1",
    prefix: "p",
    topics: topicsOf("p"),
    log: pino({ level: "silent" }),
    hooks: {
      isReading: (name) => name === "status",
      runCommand: async (name, input) => {
        done.push(input);
        return run === undefined ? { ok: true, output: done.length } : run(name, input);
      },
    },
    journal: () => journal,
    journalLimitMs: 100,
    publish: async (message) => {
      const result = (await publish?.(message)) ?? { outcome: "taken" };
      if (result.outcome === "taken") replies.push({ topic: message.topic, ...JSON.parse(message.payload.toString()) });
      return result;
    },
  });
  return { service, replies, done };
}

function inMemory(): CommandJournal {
  const entries = new Map<string, JournalEntry>();
  return {
    begin: async (id, command) => {
      const known = entries.get(id);
      if (known === undefined) entries.set(id, { command, reply: null });
      return known;
    },
    finish: async (id, reply) => {
      entries.set(id, { ...entries.get(id)!, reply });
    },
    forget: async (id) => void entries.delete(id),
  };
}

function command(fields: Partial<IncomingMessage> & { input?: object } = {}): IncomingMessage {
  const { input = {}, ...rest } = fields;
  return {
    topic: "p/command/restart",
    payload: Buffer.from(JSON.stringify({ input })),
    retained: false,
    responseTopic: "caller/a",
    correlation: Buffer.from("1"),
    ...rest,
  };
}

it("does a command once, and repeats its reply", async () => {
  const { service, replies, done } = serving();
  await service.take(command());
  await service.take(command());
  expect(done).toHaveLength(1);
  expect(replies.map(({ output }) => output)).toEqual([1, 1]);
});

it("takes two callers with the same correlation data for two commands", async () => {
  const { service, replies, done } = serving();
  const first = service.take(command({ input: { who: "a" } }));
  const second = service.take(command({ input: { who: "b" }, responseTopic: "caller/b" }));
  await Promise.all([first, second]);
  expect(done).toEqual([{ who: "a" }, { who: "b" }]);
  expect(replies.map(({ topic, ok }) => [topic, ok])).toEqual([
    ["caller/a", true],
    ["caller/b", true],
  ]);
});

it("refuses an id that was used for another input, also while the first is at work", async () => {
  const { service, replies, done } = serving();
  await Promise.all([service.take(command({ input: { n: 1 } })), service.take(command({ input: { n: 2 } }))]);
  await service.take(command({ input: { n: 3 } }));
  expect(done).toEqual([{ n: 1 }]);
  expect(replies.filter(({ error }) => (error as { code?: string })?.code === "conflict")).toHaveLength(2);
});

it.each([
  ["fails", () => Promise.reject(new Error("disk I/O error")), /disk I\/O error/],
  ["never answers", () => new Promise<undefined>(() => undefined), /no answer within 0.1 s/],
])("changes nothing and says so when the journal %s", async (_, begin, why) => {
  const { service, replies, done } = serving({ journal: { ...inMemory(), begin } });
  await service.take(command());
  expect(done).toEqual([]);
  expect(replies).toMatchObject([{ ok: false, error: { code: "unavailable", message: expect.stringMatching(why) } }]);
});

it("can be asked again under the same id when the journal was only slow", async () => {
  const journal = inMemory();
  let slow = true;
  const { service, replies } = serving({
    journal: {
      ...journal,
      begin: async (...question) => {
        if (slow) await sleep(200);
        slow = false;
        return journal.begin(...question);
      },
    },
  });
  await service.take(command());
  await sleep(200);
  await service.take(command());
  expect(replies.map(({ ok }) => ok)).toEqual([false, true]);
});

it("tells the truth when a command was done and its reply cannot be written down", async () => {
  const finish = () => Promise.reject(new Error("disk full"));
  const { service, replies } = serving({ journal: { ...inMemory(), finish } });
  await service.take(command());
  expect(replies).toMatchObject([{ ok: true, output: 1 }]);
});

it("replies when a command fails by our fault", async () => {
  const { service, replies } = serving({ run: () => Promise.reject(new Error("oops")) });
  await service.take(command());
  expect(replies).toMatchObject([{ ok: false, error: { code: "failed", message: "oops" } }]);
});

it("refuses correlation data without end, and does not send it back", async () => {
  const sent: OutgoingMessage[] = [];
  const publish = async (message: OutgoingMessage): Promise<PublishResult> => {
    sent.push(message);
    return { outcome: "taken" };
  };
  const { service, replies, done } = serving({ publish });
  await service.take(command({ correlation: Buffer.alloc(257) }));
  expect(done).toEqual([]);
  expect(replies).toMatchObject([{ ok: false, error: { code: "invalid" } }]);
  expect(sent[0]?.correlation).toBeUndefined();
});

it("says so when a reply is larger than the broker takes", async () => {
  const publish = async ({ payload }: OutgoingMessage): Promise<PublishResult> =>
    payload.length > 1000 ? { outcome: "refused", reason: 0x95 } : { outcome: "taken" };
  const { service, replies } = serving({ publish, run: async () => ({ ok: true, output: "x".repeat(2000) }) });
  await service.take(command({ topic: "p/command/status" }));
  expect(replies).toMatchObject([
    { ok: false, error: { code: "too-large", message: expect.stringMatching(/ask over HTTP/) } },
  ]);
});

it("keeps no output without end in its journal", async () => {
  const written: string[] = [];
  const journal = { ...inMemory(), finish: async (_: string, reply: string) => void written.push(reply) };
  const { service, replies } = serving({ journal, run: async () => ({ ok: true, output: "x".repeat(300_000) }) });
  await service.take(command());
  expect(written[0]!.length).toBeLessThan(1000);
  expect(replies).toMatchObject([
    { ok: false, error: { code: "too-large", message: expect.stringMatching(/the command was done/) } },
  ]);
});

it("ignores commands whose replies would pile up without end, and takes them again when replies are out", async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<PublishResult>();
  let published = 0;
  const publish = () => {
    published += 1;
    return gate;
  };
  const { service, replies } = serving({ publish });
  const flood = Array.from({ length: 1000 }, () => service.take(command({ topic: "p/command/status" })));
  await sleep(20);
  expect(published).toBeLessThanOrEqual(32);
  open({ outcome: "taken" });
  await Promise.all(flood);
  await service.take(command({ topic: "p/command/status" }));
  await waitUntil("the last reply", () => replies.length === published && published > 16);
});
