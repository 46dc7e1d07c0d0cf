/** What the embedded broker keeps for subscribers that are away: enough for a restart of theirs, and never without end. */
import { Aedes } from "aedes";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, expect, it } from "vitest";
import {
  BrokerSessions,
  SESSION_LIMITS,
  type SessionLimits,
  type SessionStore,
} from "../../../services/publisher/broker-sessions.ts";
import { startEmbeddedBroker } from "../../../services/publisher/embedded-broker.ts";
import { waitUntil } from "../../support/wait.ts";
import { cleanUp, cleanup } from "./support/on-broker.ts";

afterEach(cleanUp);

async function brokerWith(limits: Partial<SessionLimits>) {
  const said: string[] = [];
  const options = { host: "127.0.0.1", port: 0, limits: { ...SESSION_LIMITS, ...limits } };
  const broker = await startEmbeddedBroker({ ...options, onLoss: (text) => said.push(text) });
  cleanup.push(() => broker.stop());
  const connect = async (clientId: string, clean = false): Promise<MqttClient & { received: string[] }> => {
    const url = `mqtt://127.0.0.1:${broker.port}`;
    const received: string[] = [];
    const client = await connectAsync(url, { protocolVersion: 4, clientId, clean, reconnectPeriod: 0 });
    client.on("message", (_, payload) => received.push(payload.toString()));
    cleanup.push(() => client.endAsync(true));
    return Object.assign(client, { received });
  };
  return { said, connect };
}

async function subscribeAndLeave(connect: (id: string) => Promise<MqttClient>, id: string): Promise<void> {
  const client = await connect(id);
  await client.subscribeAsync("t", { qos: 1 });
  await client.endAsync();
}

async function publish(client: MqttClient, count: number, bytes = 10): Promise<void> {
  for (let i = 1; i <= count; i++) await client.publishAsync("t", `${i}`.padEnd(bytes), { qos: 1 });
}

it("keeps what comes while a subscriber is away, and gives up the oldest of more than it may keep", async () => {
  const { said, connect } = await brokerWith({ messages: 100 });
  await subscribeAndLeave(connect, "reader");
  await publish(await connect("writer", true), 250);
  expect(said).toEqual([expect.stringMatching(/"reader" is away, and more waits for it than fits/)]);
  const reader = await connect("reader");
  await waitUntil("all that was kept", () => reader.received.length === 100);
  expect([reader.received[0], reader.received.at(-1)].map(Number)).toEqual([151, 250]);
  expect(said[1]).toMatch(/"reader" is back; 150 messages for it were given up/);
});

it("keeps within its bytes for all of them together, at the cost of who has been away longest", async () => {
  const { connect } = await brokerWith({ bytes: 100_000 });
  await subscribeAndLeave(connect, "first");
  await subscribeAndLeave(connect, "second");
  await publish(await connect("writer", true), 60, 1000);
  const first = await connect("first");
  const second = await connect("second");
  await waitUntil("the second's", () => second.received.length === 60);
  expect(first.received.length).toBeLessThan(30);
  expect(Number(first.received.at(-1))).toBe(60);
});

it("ends the session that was left longest ago when there are too many", async () => {
  const { said, connect } = await brokerWith({ sessions: 2 });
  for (const id of ["a", "b", "c"]) await subscribeAndLeave(connect, id);
  await waitUntil("the end of the first", () => said.length === 1);
  expect(said[0]).toMatch(/the session of "a" ended, for there are more than 2 sessions/);
  await publish(await connect("writer", true), 1);
  const [a, c] = [await connect("a"), await connect("c")];
  await waitUntil("the third's message", () => c.received.length === 1);
  expect(a.received).toEqual([]);
});

it("forgets a session that its client wants no more", async () => {
  const { said, connect } = await brokerWith({ messages: 10 });
  await subscribeAndLeave(connect, "reader");
  await (await connect("reader", true)).endAsync();
  await publish(await connect("writer", true), 50);
  expect(said).toEqual([]);
});

it("ends sessions of clients that do not come back, and holds nothing for them", async () => {
  const broker = await Aedes.createBroker();
  cleanup.push(() => new Promise<void>((resolve) => broker.close(resolve)));
  const clock = { now: 0 };
  const said: string[] = [];
  const { persistence } = broker as unknown as { persistence: SessionStore };
  const sessions = new BrokerSessions(
    persistence,
    { ...SESSION_LIMITS, absentMs: 1000 },
    (text) => said.push(text),
    () => clock.now,
  );
  await sessions.here("reader");
  sessions.left("reader", true);
  await persistence.outgoingEnqueueCombi([{ clientId: "reader" }], { topic: "t", payload: Buffer.alloc(100) });
  expect(sessions.bytes).toBeGreaterThan(100);
  await sessions.tidy();
  expect(sessions.count).toBe(1);
  clock.now = 1001;
  await sessions.tidy();
  expect([sessions.count, sessions.bytes]).toEqual([0, 0]);
  expect(said[0]).toMatch(/"reader" ended, for it has been away.*1 messages for it were given up/);
});

it("takes retained messages for so many topics only", async () => {
  const { connect } = await brokerWith({ retained: 3 });
  const writer = await connect("writer", true);
  for (const topic of ["a", "b", "c", "d"]) await writer.publishAsync(topic, topic, { qos: 1, retain: true });
  await writer.publishAsync("a", "", { qos: 1, retain: true });
  await writer.publishAsync("e", "e", { qos: 1, retain: true });
  const reader = await connect("reader", true);
  await reader.subscribeAsync("#", { qos: 1 });
  await waitUntil("what is retained", () => reader.received.length === 3);
  expect(reader.received.toSorted()).toEqual(["b", "c", "e"]);
});
