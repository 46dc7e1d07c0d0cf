/**
 * Messages on their way between threads. Handing over objects costs ten times as much as handing over two pieces of memory,
 * and handing over views of bodies would copy the whole memory that each lies in.
 */
import { STORED_CLASSES } from "./database.ts";
import type { StoredMessage } from "./store.ts";

export interface PackedMessages {
  /** Per message: class, sequence, created, topic, content type, length; texts as indices of `texts`. */
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly texts: readonly string[];
  /** One body behind the other. */
  readonly bodies: Uint8Array<ArrayBuffer>;
}

const NUMBERS = 6;

export function pack(messages: readonly StoredMessage[]): PackedMessages {
  const numbers = new Float64Array(messages.length * NUMBERS);
  const bodies = new Uint8Array(messages.reduce((sum, { body }) => sum + body.length, 0));
  const texts: string[] = [];
  const index = (text: string) => {
    const known = texts.lastIndexOf(text);
    return known >= 0 ? known : texts.push(text) - 1;
  };
  let offset = 0;
  messages.forEach(({ class: kind, sequence, created, topic, contentType, body }, at) => {
    const fields = [STORED_CLASSES.indexOf(kind), sequence, created, index(topic), index(contentType), body.length];
    numbers.set(fields, at * NUMBERS);
    bodies.set(body, offset);
    offset += body.length;
  });
  return { numbers, texts, bodies };
}

export function unpack({ numbers, texts, bodies }: PackedMessages): StoredMessage[] {
  const messages: StoredMessage[] = [];
  let offset = 0;
  for (let at = 0; at < numbers.length; at += NUMBERS) {
    const [kind, sequence, created, topic, type, length] = numbers.subarray(at, at + NUMBERS) as unknown as number[];
    messages.push({
      class: STORED_CLASSES[kind!]!,
      sequence: sequence!,
      created: created!,
      topic: texts[topic!]!,
      contentType: texts[type!]!,
      body: bodies.subarray(offset, offset + length!),
    });
    offset += length!;
  }
  return messages;
}

/** What to hand over instead of copying. */
export function memoryOf({ numbers, bodies }: PackedMessages): ArrayBuffer[] {
  return [numbers.buffer, bodies.buffer];
}
