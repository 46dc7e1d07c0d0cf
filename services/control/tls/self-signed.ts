/** A certificate (X.509 version 3, RFC 5280) that a device makes for itself. */
import { createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import { commonName, ECDSA_SHA256, node, pem, TAG } from "../../updater/provisioning/der.ts";

const OID = {
  basicConstraints: [0x55, 0x1d, 0x13],
  keyUsage: [0x55, 0x1d, 0x0f],
  extendedKeyUsage: [0x55, 0x1d, 0x25],
  subjectAlternativeName: [0x55, 0x1d, 0x11],
  serverAuthentication: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
} as const;

const DAY_MS = 24 * 3600_000;
/** Browsers take none for a server that is valid for longer than 825 days. */
const VALID_DAYS = 800;

/**
 * @param key private, EC P-256
 * @param name common name, which nobody compares any more
 * @param names DNS names and IP addresses under which the server is called
 * @returns PEM
 */
export function selfSignedCertificate(key: KeyObject, name: string, names: readonly string[], now: Date): string {
  const algorithm = node(TAG.sequence, node(TAG.oid, ECDSA_SHA256));
  const body = node(
    TAG.sequence,
    node(TAG.context(0), node(TAG.integer, Buffer.from([2]))),
    node(TAG.integer, serialNumber()),
    algorithm,
    commonName(name),
    // A browser whose clock is a little behind takes it too.
    node(TAG.sequence, time(new Date(+now - DAY_MS)), time(new Date(+now + VALID_DAYS * DAY_MS))),
    commonName(name),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    node(TAG.context(3), node(TAG.sequence, ...extensions(names))),
  );
  const signature = node(TAG.bitString, Buffer.from([0]), sign("sha256", body, key));
  return pem("CERTIFICATE", node(TAG.sequence, body, algorithm, signature));
}

function extensions(names: readonly string[]): Buffer[] {
  const isCritical = node(TAG.boolean, Buffer.from([0xff]));
  const extension = (id: readonly number[], value: Buffer, ...critical: readonly Buffer[]) =>
    node(TAG.sequence, node(TAG.oid, Buffer.from(id)), ...critical, node(TAG.octetString, value));
  return [
    // It is no authority: who trusts it trusts this server and nothing else.
    extension(OID.basicConstraints, node(TAG.sequence), isCritical),
    // digitalSignature: bit 0, so 7 bits of the byte are unused.
    extension(OID.keyUsage, node(TAG.bitString, Buffer.from([7, 0x80])), isCritical),
    extension(OID.extendedKeyUsage, node(TAG.sequence, node(TAG.oid, Buffer.from(OID.serverAuthentication)))),
    extension(OID.subjectAlternativeName, node(TAG.sequence, ...names.map(generalName))),
  ];
}

function generalName(name: string): Buffer {
  return isIP(name) === 0
    ? node(TAG.contextPrimitive(2), Buffer.from(name, "latin1"))
    : node(TAG.contextPrimitive(7), addressBytes(name));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // URL writes an address in its canonical form: at most one "::", no dots.
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = plain.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [first, last] = [groups(head), groups(tail ?? "")];
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Positive, and not zero. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** UTCTime up to 2049, GeneralizedTime afterwards. */
function time(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return at.getUTCFullYear() < 2050
    ? node(TAG.utcTime, Buffer.from(digits.slice(2)))
    : node(TAG.generalizedTime, Buffer.from(digits));
}
