/** DER (ITU-T X.690) as far as requests for certificates and certificates need it. Node reads them, but has no call that makes them. */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** Constructed, of the context. */
  context: (number: number) => 0xa0 | number,
  /** Not constructed, of the context. */
  contextPrimitive: (number: number) => 0x80 | number,
} as const;

/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2 */
export const ECDSA_SHA256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);
/** commonName, 2.5.4.3 */
const COMMON_NAME = Buffer.from([0x55, 0x04, 0x03]);

/** An element: tag, length, content. */
export function node(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

/** A name that is a common name only. */
export function commonName(name: string): Buffer {
  const attribute = node(TAG.sequence, node(TAG.oid, COMMON_NAME), node(TAG.utf8, Buffer.from(name)));
  return node(TAG.sequence, node(TAG.set, attribute));
}

/** @param label "CERTIFICATE" */
export function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes]);
  const digits = bytes.toString(16);
  const body = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  return Buffer.concat([Buffer.from([0x80 | body.length]), body]);
}
