/** How many bytes a PUBLISH takes on the wire (MQTT 5, 3.3; 3.1.1, 3.3). */
import type { MqttVersion, OutgoingMessage } from "./connection.ts";

/** Packet type, and the most that "remaining length" takes. */
const FIXED_HEADER = 5;
const STRING_PREFIX = 2;
const PACKET_IDENTIFIER = 2;
/** Identifier of a property. */
const ID = 1;
const MAX_VARIABLE_INTEGER = 4;

/** Never less than the true size, at most a few bytes more. */
export function packetBytes(message: OutgoingMessage, version: MqttVersion): number {
  const head = FIXED_HEADER + STRING_PREFIX + Buffer.byteLength(message.topic) + PACKET_IDENTIFIER;
  return head + message.payload.length + (version === "5" ? MAX_VARIABLE_INTEGER + propertyBytes(message) : 0);
}

function propertyBytes({ contentType, userProperties, expiryMs, correlation }: OutgoingMessage): number {
  let bytes = ID + 1; // payload format indicator
  if (contentType !== undefined) bytes += ID + stringBytes(contentType);
  if (expiryMs !== undefined) bytes += ID + 4;
  if (correlation !== undefined) bytes += ID + STRING_PREFIX + correlation.length;
  for (const [name, value] of Object.entries(userProperties ?? {}))
    bytes += ID + stringBytes(name) + stringBytes(value);
  return bytes;
}

function stringBytes(text: string): number {
  return STRING_PREFIX + Buffer.byteLength(text);
}
