/**
 * The identity of a device: an EC P-256 key that is made on it and stays on it, and a certificate that a fleet's authority
 * gave for it in exchange for a claim token. Used as client certificate towards broker and repository.
 *
 *   <directory>/device.key   0600
 *   <directory>/device.pem   the certificate, with its chain
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { z } from "zod";
import { codeOf, EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import { replaceFile } from "../durable.ts";
import { shown } from "../transport.ts";
import { certificateRequest } from "./csr.ts";

const KEY = "device.key";
const CERTIFICATE = "device.pem";
/** Of its life is over: then it is renewed. */
const RENEW_AFTER = 2 / 3;
const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 256 * 1024;

export interface Identity {
  readonly keyFile: string;
  readonly certificateFile: string;
  /** Undefined: not enrolled yet. */
  readonly certificate: X509Certificate | undefined;
}

/** The identity that is there; the key is made when there is none. @throws ExpectedError when it cannot be read or written */
export function openIdentity(directory: string): Identity {
  const keyFile = join(directory, KEY);
  const certificateFile = join(directory, CERTIFICATE);
  try {
    if (!existsSync(keyFile)) replaceFile(keyFile, newKey(), 0o600);
    const certificate = existsSync(certificateFile) ? new X509Certificate(readFileSync(certificateFile)) : undefined;
    return { keyFile, certificateFile, certificate };
  } catch (error) {
    const message = `the identity in ${directory} cannot be used (${codeOf(error) ?? messageOf(error)}): check the directory and its permissions`;
    throw new ExpectedError(EXIT.environment, message, { cause: error });
  }
}

/** Whether two thirds of a certificate's life are over. */
export function isDue(certificate: X509Certificate, now = Date.now()): boolean {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  return now > from + (to - from) * RENEW_AFTER;
}

export interface Enrolment {
  /** POST {"id", "request"} → {"certificate"}; https, or http on this machine. */
  readonly url: string;
  readonly id: string;
  /** Of the first time; undefined: the present certificate speaks for the device. */
  readonly token: string | undefined;
  /** Certificates (PEM) to trust; undefined: the system's. */
  readonly ca?: string | undefined;
}

const answerSchema = z.looseObject({ certificate: z.string() });

/**
 * Asks for a certificate and keeps it in place of the old one, once it is known to be for this device's key.
 * @throws ExpectedError
 */
export async function enrol(directory: string, enrolment: Enrolment): Promise<X509Certificate> {
  const { keyFile, certificateFile, certificate: present } = openIdentity(directory);
  const { url, token, id } = enrolment;
  const key = createPrivateKey(readFileSync(keyFile));
  if (token === undefined && present === undefined) {
    throw new ExpectedError(
      EXIT.configuration,
      "this device has no certificate yet: a claim token is needed (--token-file)",
    );
  }
  expectProtected(url);
  const client =
    token === undefined && present !== undefined
      ? { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }
      : {};
  const body = JSON.stringify({ id, request: certificateRequest(key, id) });
  const text = await post(enrolment, body, client);
  const certificate = certificateOf(text, url);
  expectOurs(certificate, key, id, url);
  replaceFile(certificateFile, (JSON.parse(text) as { certificate: string }).certificate);
  return certificate;
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The claim token must not be read on its way. */
function expectProtected(url: string): void {
  const parsed = URL.parse(url);
  const isLocal = parsed?.protocol === "http:" && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname);
  if (parsed?.protocol === "https:" || isLocal) return;
  throw new ExpectedError(EXIT.usage, `${shown(url)}: expected an https: address, for the claim token goes there`);
}

function certificateOf(text: string, url: string): X509Certificate {
  try {
    return new X509Certificate(answerSchema.parse(JSON.parse(text)).certificate);
  } catch (error) {
    throw new ExpectedError(
      EXIT.unreachable,
      `${shown(url)} gave no certificate; expected {"certificate": "-----BEGIN CERTIFICATE-----…"}`,
      { cause: error },
    );
  }
}

function expectOurs(certificate: X509Certificate, key: KeyObject, id: string, url: string): void {
  const isOurs = certificate.publicKey.equals(createPublicKey(key));
  const isNamed = certificate.subject.split("\n").includes(`CN=${id}`);
  if (isOurs && isNamed && Date.parse(certificate.validTo) > Date.now()) return;
  const why = !isOurs
    ? "it is for another key"
    : !isNamed
      ? `it is for ${certificate.subject}, not for ${id}`
      : "it has expired";
  throw new ExpectedError(
    EXIT.unreachable,
    `${shown(url)} gave a certificate that is of no use: ${why}; the one before is kept`,
  );
}

function post({ url, token, ca }: Enrolment, body: string, client: { cert?: Buffer; key?: Buffer }): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (why: string, cause?: unknown) =>
    reject(new ExpectedError(EXIT.unreachable, `${shown(url)}: ${why}`, { cause }));
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const options = {
    method: "POST",
    headers,
    timeout: TIMEOUT_MS,
    minVersion: "TLSv1.2" as const,
    ...(ca === undefined ? {} : { ca }),
    ...client,
  };
  const asked = (url.startsWith("https:") ? httpsRequest : httpRequest)(url, options, (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`));
    });
    response.on("error", (error) => fail(error.message, error));
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      if (response.statusCode === 200 || response.statusCode === 201) resolve(text);
      else fail(`it answers ${response.statusCode}: ${text.trim().slice(0, 200)}`);
    });
  });
  asked.on("timeout", () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
  asked.on("error", (error) => fail(error.message, error));
  asked.end(body);
  return promise;
}
