/** Certificates of a test, made by openssl: an authority, and what it signs. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Pair {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), "nightjar-ca-"));
  readonly own: Pair;

  constructor(name: string) {
    this.#openssl("req", "-x509", ...NEW_KEY, "ca.key", "-out", "ca.pem", "-days", "2", "-subj", `/CN=${name}`);
    this.own = this.#pair("ca");
  }

  /** @param names of the certificate: "IP:127.0.0.1", "DNS:gate-1". @param days it is valid; below 0: it was */
  sign(name: string, names: string, days = 2): Pair {
    const extension = ["-addext", `subjectAltName=${names}`];
    this.#openssl(
      "req",
      "-new",
      ...NEW_KEY,
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      `/CN=${name}`,
      ...extension,
    );
    const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"];
    this.#openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-days", String(days), "-out", `${name}.pem`);
    return this.#pair(name);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #openssl(...args: readonly string[]): void {
    execFileSync("openssl", args, { cwd: this.directory, stdio: "pipe" });
  }

  #pair(name: string): Pair {
    const [certificateFile, keyFile] = [join(this.directory, `${name}.pem`), join(this.directory, `${name}.key`)];
    const [certificate, key] = [readFileSync(certificateFile, "utf8"), readFileSync(keyFile, "utf8")];
    return { certificate, key, certificateFile, keyFile };
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"] as const;
