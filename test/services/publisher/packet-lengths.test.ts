import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { fillPacketLengths } from "../../../services/publisher/packet-lengths.ts";

const MB = 1024 * 1024;
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

function buffersInUse(): number {
  gc();
  gc();
  return process.memoryUsage().arrayBuffers;
}

it("messages of ever new lengths do not make the process grow", () => {
  const require = createRequire(import.meta.url);
  const { writeToStream } = createRequire(require.resolve("mqtt"))("mqtt-packet");
  const nowhere = { write: () => true, cork: () => {}, uncork: () => {} };
  const send = (bytes: number) =>
    writeToStream({ cmd: "publish", topic: "t", qos: 0, payload: Buffer.alloc(bytes) }, nowhere);
  send(10);
  fillPacketLengths();
  const before = buffersInUse();
  for (let bytes = 1000; bytes < 1300; bytes++) {
    send(bytes);
    // What else a program does between two messages uses up the pool that the length was cut from.
    for (let used = 0; used < Buffer.poolSize; used += 1024) Buffer.allocUnsafe(1024);
  }
  expect(buffersInUse() - before).toBeLessThan(2 * MB);
});
