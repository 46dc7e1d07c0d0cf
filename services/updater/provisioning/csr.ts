/** A certificate signing request (PKCS#10, RFC 2986) for a key that never leaves the device. */
import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { commonName, ECDSA_SHA256, node, pem, TAG } from "./der.ts";

/**
 * @param key private, EC P-256
 * @param name what the certificate is to be for: the device's id
 * @returns PEM
 */
export function certificateRequest(key: KeyObject, name: string): string {
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const version = node(TAG.integer, Buffer.from([0]));
  const information = node(TAG.sequence, version, commonName(name), publicKey, node(TAG.context(0)));
  const algorithm = node(TAG.sequence, node(TAG.oid, ECDSA_SHA256));
  const signature = node(TAG.bitString, Buffer.from([0]), sign("sha256", information, key));
  return pem("CERTIFICATE REQUEST", node(TAG.sequence, information, algorithm, signature));
}
