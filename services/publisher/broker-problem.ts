/** Why there is no connection to the broker, in words that say what to do. */
import { messageOf } from "../log/errors.ts";

export interface BrokerProblem {
  /** The same for the same cause, so that it is logged once. */
  readonly code: string;
  /** Complete: what happened, which key, what to do. No secrets. */
  readonly message: string;
  /** Whether a message in flight may be why the connection ended. */
  readonly blames: Blame;
}

/** message: the broker says so. topic: it says that we may not publish there. perhaps: it said nothing, or nothing in particular. */
export type Blame = "message" | "topic" | "perhaps" | "nobody";

/** The broker gave our session to another client with the same identifier. */
export const TAKEN_OVER = 0x8e;
/** Our own code: connections that end soon after they are up, one after the other. */
export const CLOSED_SOON = "closed-soon";
const NOT_AUTHORISED = 0x87;
/** Reasons of DISCONNECT that a message is at fault: malformed, protocol error, topic name, topic alias, too large, payload format. */
const FAULTS_OF_MESSAGES: ReadonlySet<unknown> = new Set([0x81, 0x82, 0x90, 0x94, 0x95, 0x99]);
/** Unspecified error and implementation specific error; the connection was cut. */
const UNCLEAR: ReadonlySet<unknown> = new Set([0x80, 0x83, "ECONNRESET", "EPIPE"]);

/** What messages may name. */
export interface BrokerAddress {
  /** Without user name and password. */
  readonly url: string;
  readonly username?: string | undefined;
  readonly clientId: string;
}

type Explain = (address: BrokerAddress) => string;

const unreachable: Explain = ({ url }) => `${url} cannot be reached: check mqtt.url, the network and the firewall`;
const certificate =
  (what: string): Explain =>
  ({ url }) =>
    `the certificate of ${url} ${what}`;

/** So many short connections in a row are no accident. */
const SUSPICIOUS = 3;
/** Our own code: a connection that is up, and messages that stay without an answer. */
export const NO_ANSWER = "NO_ANSWER";

/** By the system's, Node's and OpenSSL's error codes. */
const BY_CODE: Readonly<Record<string, Explain>> = {
  [NO_ANSWER]: ({ url }) => `${url} is connected but does not acknowledge messages: look at the broker and its disk`,
  ECONNREFUSED: ({ url }) => `nothing answers at ${url} (connection refused): start the broker, or correct mqtt.url`,
  ENOTFOUND: ({ url }) => `the host of ${url} is not known: correct mqtt.url, or the name service`,
  EAI_AGAIN: ({ url }) => `the name service did not answer for ${url}: check the network`,
  ETIMEDOUT: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ECONNRESET: ({ url }) =>
    `${url} closed the connection: does mqtt.url name an MQTT port, and is it the right one for mqtt: or mqtts:?`,
  EPROTO: ({ url }) => `no TLS is spoken at ${url}: use mqtt: instead of mqtts: in mqtt.url, or the broker's TLS port`,
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate("is signed by itself: put it into the file that mqtt.tls.ca names"),
  SELF_SIGNED_CERT_IN_CHAIN: certificate(
    "comes from an authority that is not trusted: name its certificate in mqtt.tls.ca",
  ),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate("comes from an unknown authority: name its certificate in mqtt.tls.ca"),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate(
    "comes from an unknown authority: name its certificate in mqtt.tls.ca",
  ),
  CERT_HAS_EXPIRED: certificate("has expired: renew it, or correct this machine's clock"),
  CERT_NOT_YET_VALID: certificate("is not valid yet: correct this machine's clock"),
  ERR_TLS_CERT_ALTNAME_INVALID: certificate(
    "is for another name: correct the host in mqtt.url, or set mqtt.tls.serverName",
  ),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: ({ url }) =>
    `${url} wants a certificate from this device: set mqtt.tls.certificate and mqtt.tls.key`,
};

const credentials: Explain = ({ url, username }) =>
  `${url} refused ${username === undefined ? "a client without a user name: set mqtt.username and mqtt.password" : `user "${username}": check mqtt.username and mqtt.password, and that the broker lets this user connect`}`;
const identifier: Explain = ({ url, clientId }) =>
  `${url} refused the client identifier "${clientId}": change mqtt.clientId`;
const busy: Explain = ({ url }) => `${url} is too busy or not ready`;

/** By the reason codes of MQTT 5 and the return codes of 3.1.1. */
const BY_REASON: Readonly<Record<number, Explain>> = {
  1: ({ url }) => `${url} speaks no MQTT version that we speak (5 and 3.1.1)`,
  2: identifier,
  3: busy,
  4: credentials,
  5: credentials,
  132: ({ url }) => `${url} speaks no MQTT version that we speak (5 and 3.1.1)`,
  133: identifier,
  134: credentials,
  135: credentials,
  136: busy,
  137: busy,
  138: ({ url, clientId }) => `${url} has banned the client "${clientId}": ask whoever runs the broker`,
  [TAKEN_OVER]: ({ url, clientId }) =>
    `another client with the identifier "${clientId}" connected to ${url}: give each device its own mqtt.clientId`,
  149: ({ url }) => `${url} refused a packet as too large`,
  151: ({ url }) => `a quota of ${url} is used up: ask whoever runs the broker`,
  159: ({ url }) => `${url} limits how often clients may connect`,
};

/** Of a failed attempt, of an error on the connection, or of the reason in the broker's DISCONNECT. */
export function explain(error: unknown, address: BrokerAddress): BrokerProblem {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  const text = describe(error, code, address);
  return {
    code: String(code ?? messageOf(error)),
    message: text,
    blames: blameOf(code),
  };
}

/**
 * The broker closed the connection without saying why.
 * @param shortLived connections in a row, this one included, that ended soon after they were up
 */
export function explainClosed(shortLived: number, wasConnected: boolean, address: BrokerAddress): BrokerProblem {
  const { url, clientId } = address;
  if (!wasConnected) return { code: "ECONNRESET", message: BY_CODE["ECONNRESET"]!(address), blames: "nobody" };
  if (shortLived < SUSPICIOUS) return { code: "closed", message: `${url} closed the connection`, blames: "perhaps" };
  const message = `${url} closes each connection soon after it is up: its log has the reason. If another client has the identifier "${clientId}", give each device its own mqtt.clientId`;
  return { code: CLOSED_SOON, message, blames: "perhaps" };
}

function blameOf(code: unknown): Blame {
  if (FAULTS_OF_MESSAGES.has(code)) return "message";
  if (code === NOT_AUTHORISED) return "topic";
  return UNCLEAR.has(code) ? "perhaps" : "nobody";
}

/** The broker refused our version of MQTT. */
export function isVersionRefusal(error: unknown): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return code === 1 || code === 132;
}

function describe(error: unknown, code: unknown, address: BrokerAddress): string {
  if (typeof code === "number" && BY_REASON[code] !== undefined) return BY_REASON[code](address);
  if (typeof code === "string" && BY_CODE[code] !== undefined) return BY_CODE[code](address);
  return `${address.url}: ${messageOf(error)}`;
}
