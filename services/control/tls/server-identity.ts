/** Key and certificate of the console: the configuration's files, or ones that are made here; read again when they change. */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { splitAddress } from "../../config/listen.ts";
import { type Config, whyUnreadable } from "../../config/load.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { Logger } from "../../log/logger.ts";
import { writeFileAtomically } from "../../supervisor/atomic-file.ts";
import { isDue } from "../../updater/provisioning/identity.ts";
import { selfSignedCertificate } from "./self-signed.ts";

/** How often the files are looked at. Milliseconds. */
const LOOK_MS = 10_000;

export interface KeyPair {
  /** PEM */
  readonly cert: string;
  readonly key: string;
}

export class ServerIdentity {
  readonly #files: { readonly certificate: string; readonly key: string };
  /** Undefined: the files are the configuration's. */
  readonly #names: readonly string[] | undefined;
  readonly #log: Logger;
  #stamp = "";
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    files: { readonly certificate: string; readonly key: string },
    names: readonly string[] | undefined,
    log: Logger,
  ) {
    this.#files = files;
    this.#names = names;
    this.#log = log;
  }

  /** Undefined: the console speaks plain HTTP. */
  static of({ console, device, directories }: Config, log: Logger): ServerIdentity | undefined {
    const { certificate, key, selfSigned } = console.tls;
    if (certificate !== undefined && key !== undefined) return new ServerIdentity({ certificate, key }, undefined, log);
    if (!selfSigned) return undefined;
    const place = (name: string) => join(directories.state, "console", name);
    return new ServerIdentity(
      { certificate: place("console.pem"), key: place("console.key") },
      [...new Set([device.id, ...ownNames(console.listen), ...console.hosts.map(withoutBrackets)])],
      log,
    );
  }

  /** @throws ExpectedError that names the key of what cannot be used */
  load(): KeyPair {
    if (this.#names !== undefined) this.#makeIfDue(this.#names);
    const pair = this.#read();
    this.#stamp = this.#stampNow();
    const { fingerprint256, validTo } = new X509Certificate(pair.cert);
    this.#log.info({ fingerprint: fingerprint256, validTo }, "certificate of the console");
    if (Date.parse(validTo) < Date.now())
      this.#log.warn(`console.tls: ${this.#files.certificate} has expired (${validTo}); put a new one there`);
    return pair;
  }

  /** Calls back when the files are others and can be used; what cannot be used is logged, and the old ones serve on. */
  watch(onChange: (pair: KeyPair) => void): void {
    this.#timer = setInterval(() => {
      try {
        if (this.#names !== undefined) this.#makeIfDue(this.#names);
        if (this.#stampNow() === this.#stamp) return;
        this.#stamp = this.#stampNow();
        onChange(this.load());
      } catch (error) {
        this.#log.warn(`the new certificate of the console is not used: ${messageOf(error)}`);
      }
    }, LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #read(): KeyPair {
    const cert = readPem(this.#files.certificate, "console.tls.certificate");
    const key = readPem(this.#files.key, "console.tls.key");
    try {
      createSecureContext({ cert, key });
      if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return { cert, key };
    } catch (error) {
      const message = `console.tls: ${this.#files.certificate} and ${this.#files.key} cannot be used (${messageOf(error)}); expected a certificate and its key without passphrase, both PEM`;
      throw new ExpectedError(EXIT.configuration, message, { cause: error });
    }
    const message = `console.tls.key: ${this.#files.key} is not the key of ${this.#files.certificate}`;
    throw new ExpectedError(EXIT.configuration, message);
  }

  /** When there is none, it is for other names, or two thirds of its life are over. */
  #makeIfDue(names: readonly string[]): void {
    const { certificate, key } = this.#files;
    const present = certificateIn(certificate);
    if (present !== undefined && !isDue(present) && isFor(present, names) && isKeyOf(present, key)) return;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileAtomically(key, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    writeFileAtomically(certificate, selfSignedCertificate(privateKey, names[0] ?? "nightjar", names, new Date()));
  }

  #stampNow(): string {
    return `${fileStamp(this.#files.certificate)} ${fileStamp(this.#files.key)}`;
  }
}

/** Names of this machine under which a browser may call it. */
export function ownNames(listen: string): string[] {
  const { host } = splitAddress(listen);
  const own = hostname().toLowerCase();
  const bound = host === "0.0.0.0" || host === "::" ? [] : [host.toLowerCase()];
  const short = own.split(".")[0] ?? own;
  return [...new Set([...bound, "localhost", own, short, `${short}.local`])];
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
}

function isFor(certificate: X509Certificate, names: readonly string[]): boolean {
  const given = (certificate.subjectAltName ?? "").split(", ");
  return names.every((name) =>
    isIP(name) === 0 ? given.includes(`DNS:${name}`) : certificate.checkIP(name) !== undefined,
  );
}

/** A power cut may come between the two files. */
function isKeyOf(certificate: X509Certificate, file: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(readFileSync(file)));
  } catch (error) {
    if (codeOf(error) === "EACCES") throw error;
    return false;
  }
}

function certificateIn(file: string): X509Certificate | undefined {
  try {
    return new X509Certificate(readFileSync(file));
  } catch (error) {
    // Missing, or not one: a new one is made.
    if (codeOf(error) === "EACCES") throw error;
    return undefined;
  }
}

function fileStamp(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? "none" : `${stats.ino} ${stats.mtimeMs} ${stats.size}`;
}

function readPem(file: string, key: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `${key}: ${file}: ${whyUnreadable(error)}; expected a file in PEM`, {
      cause: error,
    });
  }
}
