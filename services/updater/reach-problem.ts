/** Why a repository cannot be reached, in words that say what to do: by the codes of the system, of Node and of OpenSSL. */
import { codeOf, messageOf } from "../log/errors.ts";

const AUTHORITY =
  "its certificate comes from an authority that this device does not trust: name the authority's certificate in updates.tls.ca";
const OWN =
  "it does not accept this device's certificate: the authority that it trusts has to have signed updates.tls.certificate";

const OWN_EXPIRED = "this device's certificate has expired: renew it with nightjar device enrol";
const WANTS_ONE =
  "it may want a certificate from this device: set updates.tls.certificate and updates.tls.key (nightjar device enrol gets them)";
const NO_TLS = "no TLS is spoken there: use http: in updates.repository, or the server's TLS port";
const TOO_OLD = "it speaks no TLS of version 1.2 or newer: update the server";
const NO_WAY = "there is no way to the host: check the network";

const BY_CODE: Readonly<Record<string, string>> = {
  ENOTFOUND: "the host is not known: correct updates.repository, or the name service",
  EAI_AGAIN: "the name service does not answer: check the network",
  ECONNREFUSED:
    "nothing answers there (connection refused): correct updates.repository or updates.proxy, or start the server",
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
  ETIMEDOUT: "the host does not answer: check the network",
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: TOO_OLD,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: TOO_OLD,
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself: name it in updates.tls.ca to trust it",
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  CERT_SIGNATURE_FAILURE: AUTHORITY,
  CERT_NOT_YET_VALID: "its certificate is not valid yet: correct this device's clock",
  CERT_HAS_EXPIRED: "its certificate has expired: renew it on the server, or correct this device's clock",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for another name: use the name that it is for in updates.repository, or give the server one for this name",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: WANTS_ONE.replace("may want", "wants"),
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: WANTS_ONE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: OWN,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: OWN,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: OWN,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: OWN_EXPIRED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED:
    "this device's certificate was revoked: get another with nightjar device enrol",
};

/** OpenSSL's words in errors that Node gives no code of their own. */
const BY_WORDS: readonly (readonly [RegExp, string])[] = [
  [/alert handshake failure/, WANTS_ONE],
  [/alert unknown ca|alert bad certificate|alert certificate unknown/, OWN],
  [/alert certificate expired/, OWN_EXPIRED],
  [/wrong version number|packet length too long/, NO_TLS],
];

/** A server that does not like a device's certificate may just hang up. */
const HUNG_UP =
  "the connection was closed; where it wants a certificate from this device, updates.tls.certificate has to be one that it accepts";

/** @param error of a request, or of a body. @param isTls it went over TLS */
export function reachProblem(error: unknown, isTls: boolean): string {
  const code = codeOf(error) ?? "";
  const message = messageOf(error);
  const known = BY_WORDS.find(([words]) => words.test(message))?.[1] ?? BY_CODE[code];
  if (code === "ECONNRESET") return isTls ? HUNG_UP : "the connection was closed";
  return known ?? (message.trim() || code || "unknown");
}

/** What a status says that is no file. @param status 4xx or 5xx */
export function statusProblem(status: number): string {
  if (status === 401 || status === 407)
    return `answers ${status}: ${status === 401 ? "it" : "the proxy"} wants a user name and a password (https://USER:PASSWORD@HOST/…)`;
  if (status === 404 || status === 403 || status === 410)
    return `answers ${status}: there is no repository at updates.repository, or it was not published whole`;
  if (status === 400 || status === 495 || status === 496) return `answers ${status}: ${WANTS_ONE}`;
  return `answers ${status}`;
}
