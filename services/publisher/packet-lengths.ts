/**
 * Keeps the MQTT library from holding memory for each length of a message.
 *
 * mqtt-packet keeps the encoded length of each packet below 16384 bytes for the next packet of that length: a Buffer of
 * two bytes, cut from the pool of 64 KiB that Node shares out to small buffers. One such entry keeps its whole pool, so
 * a device whose messages come in new lengths all the time grew by megabytes an hour, towards a gigabyte. Made at once,
 * the entries lie in three pools, and stay 2 MB for ever.
 */
import { createRequire } from "node:module";

/** From here on mqtt-packet keeps nothing. */
const LENGTHS = 16_384;
/** Length of an empty topic. Bytes. */
const TOPIC_BYTES = 2;

interface Sink {
  write(bytes: unknown): boolean;
  cork(): void;
  uncork(): void;
}
type WritePacket = (packet: { cmd: "publish"; topic: string; qos: 0; payload: Buffer }, sink: Sink) => boolean;

let filled = false;

/** Fills the table: some 50 ms the first time, nothing after that. Lengths that are there already stay as they are. */
export function fillPacketLengths(): void {
  if (filled) return;
  filled = true;
  const { writeToStream } = libraryOfMqtt();
  const nowhere: Sink = { write: () => true, cork: () => {}, uncork: () => {} };
  const zeros = Buffer.alloc(LENGTHS);
  for (let length = TOPIC_BYTES + 1; length < LENGTHS; length++) {
    const payload = zeros.subarray(0, length - TOPIC_BYTES - 1);
    writeToStream({ cmd: "publish", topic: "t", qos: 0, payload }, nowhere);
  }
}

/** The copy that the mqtt package uses (and the embedded broker with it): it is no dependency of our own. */
function libraryOfMqtt(): { writeToStream: WritePacket } {
  const require = createRequire(import.meta.url);
  return createRequire(require.resolve("mqtt"))("mqtt-packet") as { writeToStream: WritePacket };
}
