/** The publisher with the broker of its own. */
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { type ConsumedMessage, Consumer } from "../../../services/publisher/consumer.ts";
import { startEmbeddedBroker } from "../../../services/publisher/embedded-broker.ts";
import { freePort } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";
import { objectsRecord, publishing } from "./support/publishing.ts";

it("serves local subscribers, who dedupe by the identity in the document", async () => {
  const { publisher } = publishing({ embedded: { host: "127.0.0.1", port: 0 } });
  await publisher.start();
  const received: ConsumedMessage[] = [];
  const { url, topicPrefix } = publisher.snapshot();
  const consumer = new Consumer({ url, topicPrefix, protocol: "3.1.1" }, (message) => received.push(message));
  await consumer.start();
  for (let frame = 0; frame < 20; frame++) await publisher.publishRecord(objectsRecord(frame), "gate");
  await waitUntil("all messages", () => received.length === 21);
  expect(received[0]).toMatchObject({ path: "status", retained: true });
  expect(received.at(-1)?.identity).toMatchObject({ device: "gate-1", sequence: 20 });
  expect(publisher.snapshot()).toMatchObject({ state: "connected", embedded: true, protocol: "3.1.1" });
  await consumer.stop();
  await publisher.stop();
  expect(publisher.snapshot().state).toBe("stopped");
});

it("refuses to start on a port that is taken, and names the key", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await waitUntil("the server", () => server.listening);
  const { port } = server.address() as { port: number };
  const { publisher } = publishing({ embedded: { host: "127.0.0.1", port } });
  await expect(publisher.start()).rejects.toThrow(new RegExp(`^mqtt.embedded.port: .*127.0.0.1:${port} is taken`));
  await expect(startEmbeddedBroker({ host: "127.0.0.1", port, key: "mqtt.embedded.listen" })).rejects.toThrow(
    /^mqtt.embedded.listen: /,
  );
  server.close();
});

it("serves an IPv6 address", async () => {
  const { publisher } = publishing({ embedded: { host: "::1", port: 0 } });
  await publisher.start();
  await waitUntil("the connection", () => publisher.snapshot().state === "connected");
  expect(publisher.snapshot()).toMatchObject({ url: expect.stringContaining("mqtt://[::1]:"), insecure: false });
  await publisher.stop();
});

it("gives its port back when it stops", async () => {
  const port = await freePort();
  for (let round = 0; round < 3; round++) {
    const { publisher } = publishing({ embedded: { host: "127.0.0.1", port } });
    await publisher.start();
    await waitUntil("the connection", () => publisher.snapshot().state === "connected");
    await publisher.stop();
  }
});
