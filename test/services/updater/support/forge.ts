/** What an attacker does to a published repository: with its files alone, or with keys that were stolen. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytesOf, type Document, fileInfo, signedBy } from "../../../../services/updater/repository/documents.ts";
import type { Signer } from "../../../../services/updater/repository/keys.ts";
import { type TestRepository, temporaryFolder } from "./repository.ts";

// biome-ignore lint/suspicious/noExplicitAny: an attacker does not keep to types
type Anything = any;

export class Forger {
  readonly #repository: TestRepository;

  constructor(repository: TestRepository) {
    this.#repository = repository;
  }

  /** The newest file of a role. */
  fileOf(role: string): string {
    if (role === "timestamp") return "timestamp.json";
    const names = readdirSync(this.#repository.metadata("")).filter((name) =>
      new RegExp(`^\\d+\\.${role}\\.json$`).test(name),
    );
    return names.sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))[0]!;
  }

  read(role: string): Document & { signed: Anything } {
    return JSON.parse(readFileSync(this.#repository.metadata(this.fileOf(role)), "utf8"));
  }

  write(role: string, document: Document): void {
    const name = role === "timestamp" ? "timestamp.json" : `${document.signed.version}.${role}.json`;
    writeFileSync(this.#repository.metadata(name), bytesOf(document));
  }

  /** Changes a role and signs it with these keys. */
  async forge(role: string, change: (signed: Anything) => void, signers: readonly Signer[]): Promise<Document> {
    const document = this.read(role);
    change(document.signed);
    let signed: Document = { ...document, signatures: [] };
    for (const signer of signers) signed = await signedBy(signed, signer);
    this.write(role, signed);
    return signed;
  }

  keys(role: string): readonly Signer[] {
    return this.#repository.signers.get(role as never) ?? [];
  }

  /** A new snapshot and timestamp over what lies there, signed with the stolen keys of both. */
  async reseal(
    change: { snapshot?: (signed: Anything) => void; timestamp?: (signed: Anything) => void } = {},
  ): Promise<void> {
    const snapshot = await this.forge(
      "snapshot",
      (signed) => {
        signed.version += 1;
        for (const name of Object.keys(signed.meta)) {
          const document = this.read(name.replace(".json", ""));
          signed.meta[name] = { version: document.signed.version, ...fileInfo(bytesOf(document)) };
        }
        change.snapshot?.(signed);
      },
      this.keys("snapshot"),
    );
    await this.forge(
      "timestamp",
      (signed) => {
        signed.version += 1;
        signed.meta["snapshot.json"] = { version: snapshot.signed.version, ...fileInfo(bytesOf(snapshot)) };
        change.timestamp?.(signed);
      },
      this.keys("timestamp"),
    );
  }

  /** The whole tree as it is now, to be replayed later. */
  record(): string {
    const copy = join(temporaryFolder(), "recorded");
    cpSync(this.#repository.publicDirectory, copy, { recursive: true });
    return copy;
  }

  replay(copy: string): void {
    rmSync(this.#repository.publicDirectory, { recursive: true });
    cpSync(copy, this.#repository.publicDirectory, { recursive: true });
  }
}
