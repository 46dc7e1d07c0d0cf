/**
 * Who a message is: device, epoch and sequence. A message that is sent twice carries the same identity both times.
 * It travels as MQTT 5 user properties and, for consumers of MQTT 3.1.1, as the last member of the JSON.
 */
import { randomBytes } from "node:crypto";
import { appendMember } from "./json-member.ts";

export interface MessageIdentity {
  readonly device: string;
  /** 16 hexadecimal digits, new with each new store of messages: sequences of two epochs have nothing to do with each other. */
  readonly epoch: string;
  /** Counts the messages of an epoch from 1, over all topics. */
  readonly sequence: number;
  /** The message had to wait on the device's disk. */
  readonly late?: boolean | undefined;
}

/** The JSON member that carries the identity. */
export const IDENTITY_MEMBER = "nightjarMessage";
/** The user properties that carry it. */
export const IDENTITY_PROPERTIES = {
  device: "nj-device",
  epoch: "nj-epoch",
  sequence: "nj-sequence",
  late: "nj-late",
} as const;

export function newEpoch(): string {
  return randomBytes(8).toString("hex");
}

export function identityProperties(identity: MessageIdentity): Record<string, string> {
  return {
    [IDENTITY_PROPERTIES.device]: identity.device,
    [IDENTITY_PROPERTIES.epoch]: identity.epoch,
    [IDENTITY_PROPERTIES.sequence]: String(identity.sequence),
    ...(identity.late === true ? { [IDENTITY_PROPERTIES.late]: "1" } : {}),
  };
}

/** The document with the identity as its last member. */
export function withIdentity(payload: Buffer, { device, epoch, sequence, late }: MessageIdentity): Buffer {
  const member = { device, epoch, sequence, ...(late === true ? { late } : {}) };
  return appendMember(payload, IDENTITY_MEMBER, member);
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
    late: properties?.[IDENTITY_PROPERTIES.late] === "1",
  });
  if (fromProperties !== undefined) return fromProperties;
  const member = (document as Record<string, unknown> | null | undefined)?.[IDENTITY_MEMBER];
  return typeof member === "object" && member !== null ? parse(member as Record<string, unknown>) : undefined;
}

function parse(fields: Record<string, unknown>): MessageIdentity | undefined {
  const { device, epoch, sequence, late } = fields;
  if (typeof device !== "string" || typeof epoch !== "string" || !Number.isSafeInteger(sequence)) return undefined;
  return { device, epoch, sequence: sequence as number, ...(late === true ? { late } : {}) };
}
