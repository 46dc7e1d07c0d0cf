/**
 * Keeps the MQTT library from holding memory for numbers. Import it before "mqtt" and "aedes": it changes how mqtt-packet, which
 * both of them use, begins.
 *
 * From its first packet on, mqtt-packet keeps a Buffer for each number up to 65,535 (7 MB), and one for each length of a packet
 * below 16,384 that has come by, cut from the pool of 64 KiB that Node shares out to small buffers. One such entry keeps its whole
 * pool, so a device whose messages come in new lengths all the time grew by megabytes an hour, towards a gigabyte. Here numbers
 * are written anew each time, and all lengths lie in one piece.
 */
import { createRequire } from "node:module";

/** From here on mqtt-packet keeps no length. */
const LENGTHS = 16_384;
/** What a shorter length takes. */
const BYTES = 2;

/** The copy that the mqtt package uses (and the embedded broker with it): it is no dependency of our own. */
const library = createRequire(createRequire(import.meta.url).resolve("mqtt"));
const numbers = library("mqtt-packet/numbers") as { genBufVariableByteInt(value: number): Buffer };
const encode = numbers.genBufVariableByteInt;
const lengths = Buffer.alloc(LENGTHS * BYTES);

numbers.genBufVariableByteInt = (value) => {
  const bytes = encode(value);
  if (value >= LENGTHS) return bytes;
  bytes.copy(lengths, value * BYTES);
  return lengths.subarray(value * BYTES, value * BYTES + bytes.length);
};

const { writeToStream } = library("mqtt-packet") as { writeToStream: { cacheNumbers: boolean } };
writeToStream.cacheNumbers = false;
