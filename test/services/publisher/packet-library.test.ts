import "../../../services/publisher/packet-library.ts";
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";

const MB = 1024 * 1024;
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const require = createRequire(import.meta.url);
const { writeToStream, generate, parser } = createRequire(require.resolve("mqtt"))("mqtt-packet");

function inUse(): { readonly buffers: number; readonly heap: number } {
  gc();
  gc();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return { buffers: arrayBuffers, heap: heapUsed };
}

function publish(bytes: number) {
  return { cmd: "publish", topic: "t", qos: 0, payload: Buffer.alloc(bytes) };
}

it("messages of ever new lengths do not make the process grow", () => {
  const nowhere = { write: () => true, cork: () => {}, uncork: () => {} };
  const before = inUse();
  for (let bytes = 10; bytes < 3010; bytes++) {
    writeToStream(publish(bytes), nowhere);
    // What else a program does between two messages uses up the pool that the length was cut from.
    for (let used = 0; used < Buffer.poolSize; used += 1024) Buffer.allocUnsafe(1024);
  }
  const after = inUse();
  expect(after.buffers - before.buffers).toBeLessThan(2 * MB);
  expect(after.heap - before.heap).toBeLessThan(3 * MB);
});

it.each([0, 1, 100, 124, 125, 126, 127, 128, 16_378, 16_379, 16_380, 16_381, 16_384, 100_000])(
  "a message of %i bytes has the right length on the wire, each time",
  (bytes) => {
    const packets: { payload: Buffer }[] = [];
    const reader = parser();
    reader.on("packet", (packet: { payload: Buffer }) => packets.push(packet));
    for (let i = 0; i < 3; i++) reader.parse(generate(publish(bytes)));
    expect(packets.map(({ payload }) => payload.length)).toEqual([bytes, bytes, bytes]);
  },
);
