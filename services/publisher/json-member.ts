/** Adds a member to a JSON document without touching the bytes that are there. */

const OPEN = 0x7b;
const CLOSE = 0x7d;
const LINE_FEED = 0x0a;

/**
 * The document with one more member, the last, printed as the rest is. Everything before it stays byte for byte what it
 * was; a payload that is no JSON object is returned as it is.
 */
export function appendMember(payload: Buffer, name: string, value: Readonly<Record<string, unknown>>): Buffer {
  const end = lastByte(payload, payload.length);
  if (payload[0] !== OPEN || end < 1 || payload[end] !== CLOSE) return payload;
  const last = lastByte(payload, end);
  const isEmpty = last === 0;
  const member = payload.includes(LINE_FEED)
    ? pretty(name, value)
    : `${JSON.stringify(name)}:${JSON.stringify(value)}}`;
  return Buffer.concat([payload.subarray(0, last + 1), Buffer.from(`${isEmpty ? "" : ","}${member}`)]);
}

/** As json-glib prints. */
function pretty(name: string, value: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(value).map(([key, inner]) => `    ${JSON.stringify(key)} : ${JSON.stringify(inner)}`);
  return `\n  ${JSON.stringify(name)} : {\n${lines.join(",\n")}\n  }\n}`;
}

/** Index of the last byte before `end` that is no white space; -1 when there is none. */
function lastByte(bytes: Buffer, end: number): number {
  let index = end - 1;
  while (index >= 0 && bytes[index]! <= 0x20) index -= 1;
  return index;
}
