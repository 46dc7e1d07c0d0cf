/**
 * Who a message is: device, epoch and sequence. A message that is sent twice carries the same identity both times.
 * It travels as MQTT 5 user properties and, for consumers of MQTT 3.1.1, as the last member of the JSON.
 */
import { randomBytes } from "node:crypto";

export interface MessageIdentity {
  readonly device: string;
  /** 16 hexadecimal digits, new with each new store of messages: sequences of two epochs have nothing to do with each other. */
  readonly epoch: string;
  /** Counts the messages of an epoch from 1, over all topics. */
  readonly sequence: number;
}

/** The JSON member that carries the identity. */
export const IDENTITY_MEMBER = "nightjarMessage";
/** The user properties that carry it. */
export const IDENTITY_PROPERTIES = { device: "nj-device", epoch: "nj-epoch", sequence: "nj-sequence" } as const;

export function newEpoch(): string {
  return randomBytes(8).toString("hex");
}

export function identityProperties(identity: MessageIdentity): Record<string, string> {
  return {
    [IDENTITY_PROPERTIES.device]: identity.device,
    [IDENTITY_PROPERTIES.epoch]: identity.epoch,
    [IDENTITY_PROPERTIES.sequence]: String(identity.sequence),
  };
}

/**
 * The document with the identity as its last member, printed as the rest is. Everything before it stays byte for byte
 * what it was; a payload that is no JSON object is returned as it is.
 */
export function withIdentity(payload: Buffer, identity: MessageIdentity): Buffer {
  const end = lastByte(payload, payload.length);
  if (payload[0] !== OPEN || end < 1 || payload[end] !== CLOSE) return payload;
  const last = lastByte(payload, end);
  const isEmpty = last === 0;
  const member = payload.includes(LINE_FEED) ? prettyMember(identity) : compactMember(identity);
  return Buffer.concat([payload.subarray(0, last + 1), Buffer.from(`${isEmpty ? "" : ","}${member}`)]);
}

function prettyMember({ device, epoch, sequence }: MessageIdentity): string {
  const lines = [`"device" : ${JSON.stringify(device)}`, `"epoch" : "${epoch}"`, `"sequence" : ${sequence}`];
  return `\n  "${IDENTITY_MEMBER}" : {\n    ${lines.join(",\n    ")}\n  }\n}`;
}

function compactMember(identity: MessageIdentity): string {
  return `"${IDENTITY_MEMBER}":${JSON.stringify(identity)}}`;
}

/** The identity in a message; undefined when it carries none. */
export function identityOf(
  properties: Readonly<Record<string, string | readonly string[]>> | undefined,
  document: unknown,
): MessageIdentity | undefined {
  const fromProperties = parse({
    device: properties?.[IDENTITY_PROPERTIES.device],
    epoch: properties?.[IDENTITY_PROPERTIES.epoch],
    sequence: Number(properties?.[IDENTITY_PROPERTIES.sequence]),
  });
  if (fromProperties !== undefined) return fromProperties;
  const member = (document as Record<string, unknown> | null | undefined)?.[IDENTITY_MEMBER];
  return typeof member === "object" && member !== null ? parse(member as Record<string, unknown>) : undefined;
}

const OPEN = 0x7b;
const CLOSE = 0x7d;
const LINE_FEED = 0x0a;

/** Index of the last byte before `end` that is no white space; -1 when there is none. */
function lastByte(bytes: Buffer, end: number): number {
  let index = end - 1;
  while (index >= 0 && bytes[index]! <= 0x20) index -= 1;
  return index;
}

function parse(fields: Record<string, unknown>): MessageIdentity | undefined {
  const { device, epoch, sequence } = fields;
  if (typeof device !== "string" || typeof epoch !== "string" || !Number.isSafeInteger(sequence)) return undefined;
  return { device, epoch, sequence: sequence as number };
}
