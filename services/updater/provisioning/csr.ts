/**
 * A certificate signing request (PKCS#10, RFC 2986) for a key that never leaves the device. Node has no call for it; it is a few
 * nested DER structures around the public key.
 */
import { createPublicKey, type KeyObject, sign } from "node:crypto";

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
} as const;
/** commonName, 2.5.4.3 */
const COMMON_NAME = Buffer.from([0x55, 0x04, 0x03]);
/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2 */
const ECDSA_SHA256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]);

/**
 * @param key private, EC P-256
 * @param name what the certificate is to be for: the device's id
 * @returns PEM
 */
export function certificateRequest(key: KeyObject, name: string): string {
  const subject = node(
    TAG.sequence,
    node(TAG.set, node(TAG.sequence, node(TAG.oid, COMMON_NAME), node(TAG.utf8, Buffer.from(name)))),
  );
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const version = node(TAG.integer, Buffer.from([0]));
  const information = node(TAG.sequence, version, subject, publicKey, node(TAG.context0));
  const algorithm = node(TAG.sequence, node(TAG.oid, ECDSA_SHA256));
  const signature = node(TAG.bitString, Buffer.from([0]), sign("sha256", information, key));
  return pem(node(TAG.sequence, information, algorithm, signature));
}

/** A DER element: tag, length, content. */
function node(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes]);
  const digits = bytes.toString(16);
  const body = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  return Buffer.concat([Buffer.from([0x80 | body.length]), body]);
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE REQUEST-----", ...lines, "-----END CERTIFICATE REQUEST-----", ""].join("\n");
}
