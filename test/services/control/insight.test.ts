import { afterAll, beforeAll, expect, it } from "vitest";
import { Client } from "../../../services/cli/client.ts";
import { waitUntil } from "../../support/wait.ts";
import { type SmallSupervisor, startSmall } from "../supervisor/small-supervisor.ts";
import { ask } from "./support/http.ts";

let small: SmallSupervisor;
let client: Client;
beforeAll(async () => {
  small = await startSmall();
  client = new Client(small.supervisor.controlSocket);
});
afterAll(() => small.end());

const get = (path: string) => ask(small.supervisor.controlSocket, path);

it("the history has a point every two seconds, also while nobody looks", async () => {
  await waitUntil("two points", async () => (await client.call("viewHistory", {})).times.length >= 2, 15_000);
  const { times, cameras } = await client.call("viewHistory", {});
  expect(Object.keys(cameras)).toEqual(["gate", "yard"]);
  const later = (await get(`/api/history?since=${times[0]}`)).json() as { times: number[] };
  expect(later.times[0]).toBe(times[1]);
});

it("the log comes as far as is wanted", async () => {
  for (const [i, level] of (["info", "warn", "error"] as const).entries())
    small.supervisor.takeLogEntry({ time: i, level, message: `line ${i}`, fields: {} });
  const messages = async (query: string) =>
    ((await get(`/api/log?${query}`)).json() as { entries: { message: string }[] }).entries.map(
      ({ message }) => message,
    );
  expect(await messages("level=warn")).toEqual(["line 1", "line 2"]);
  expect(await messages("limit=1")).toEqual(["line 2"]);
  expect((await get("/api/log?limit=0")).status).toBe(400);
});

it("the status of the news is without the log, and lines of the log that were missed come", async () => {
  const stop = new AbortController();
  for await (const { data } of client.news(["status"], stop.signal)) {
    expect(data).toMatchObject({ device: { id: "box" } });
    expect(data).not.toHaveProperty("log");
    break;
  }
  stop.abort();
});

it("the status is there on one page for people", async () => {
  const { body, headers } = await get("/statusz");
  expect(headers["content-type"]).toContain("text/plain");
  expect(body).toMatch(/^ (not )?ready/);
  for (const text of ["Gate", "yard", "supervisor", "pipeline", "postprocess", "broker"]) expect(body).toContain(text);
});

it("the machine says what it has", async () => {
  const { disks, memory } = await client.call("viewMachine", {});
  expect(disks[0]?.roles).toContain("state");
  expect(memory.totalBytes).toBeGreaterThan(0);
});

it("the doctor's report is made once for all who ask at a time", async () => {
  const [one, other] = await Promise.all([get("/api/doctor"), get("/api/doctor")]);
  // The folder of this test has no configuration file: that is what the doctor says, in one message.
  expect(one.status).toBe(503);
  expect(one.json().error?.message).toContain("nightjar.yaml");
  expect(other.body).toBe(one.body);
}, 30_000);

it("an element that is not there is named with those that are", async () => {
  const answer = await get("/api/elements/nothing/parameters");
  expect([answer.status, answer.json().error?.message]).toEqual([
    400,
    'there is no element "nothing"; there are infer, tracker',
  ]);
});
