/** What the supervisor remembers of bundles over a restart: one file, replaced as a whole. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { codeOf, messageOf } from "../../log/errors.ts";
import { writeFileAtomically } from "../atomic-file.ts";
import { FRAME_RATE_SHARE } from "./transaction.ts";

const reference = z.object({
  directory: z.string(),
  name: z.string(),
  version: z.string(),
  /** SHA-256 of everything in it; "" while it has not been read. */
  digest: z.string().default(""),
  parameters: z.record(z.string(), z.unknown()).optional(),
});

const plan = z.object({
  shadowMs: z.number(),
  shadowOnly: z.boolean(),
  agreement: z.number(),
  probationMs: z.number(),
  frameRate: z.number().default(FRAME_RATE_SHARE),
});

const transaction = z.object({
  to: reference,
  plan,
  step: z.enum(["prepare", "shadow", "activate", "probation", "settle", "discard", "rollback"]),
  /** ms since 1970; of the transaction, and of its step. */
  startedAt: z.number(),
  since: z.number(),
  /** Why it goes back, while it does. */
  reason: z.string().default(""),
  /** Restarts of Nightjar while it was on probation. */
  interruptions: z.number().default(0),
});

const outcome = z.object({
  end: z.enum(["done", "refused", "rolled-back", "interrupted", "shadowed"]),
  bundle: reference,
  reason: z.string(),
  at: z.number(),
  /** What the shadow run found. */
  shadow: z.unknown().optional(),
  /** Of the switch. */
  activation: z.unknown().optional(),
});

const element = z.object({
  /** null: what the configuration says. */
  active: reference.nullable().default(null),
  /** What served before, and worked. null: what the configuration says. Absent: nothing else has served. */
  previous: reference.nullable().optional(),
  transaction: transaction.optional(),
  last: outcome.optional(),
});

const quarantined = z.object({ bundle: reference, reason: z.string(), at: z.number() });

const record = z.object({
  version: z.literal(1),
  /** By element: "infer", "tracker". */
  elements: z.record(z.string(), element).default({}),
  quarantine: z.array(quarantined).default([]),
});

export type BundleReference = z.output<typeof reference>;
export type TransactionRecord = z.output<typeof transaction>;
export type OutcomeRecord = z.output<typeof outcome>;
export type ElementRecord = z.output<typeof element>;
export type QuarantineEntry = z.output<typeof quarantined>;
export type DeploymentRecord = z.output<typeof record>;

/** Of quarantine entries and interrupted transactions that are kept. */
const MOST_QUARANTINED = 100;

/** The digest tells bundles apart; one that was never read whole is known by its place and version. */
export function isSame(a: BundleReference, b: BundleReference): boolean {
  if (a.digest !== "" && b.digest !== "") return a.digest === b.digest;
  return a.directory === b.directory && a.name === b.name && a.version === b.version;
}

/** Between two tries to write down what could not be written; ms. */
const RETRY_MS = 10_000;

export class RecordFile {
  readonly #path: string;
  readonly #warn: (message: string) => void;
  #content: DeploymentRecord;
  #problem: string | undefined;
  #retry: NodeJS.Timeout | undefined;

  /**
   * @param warn gets a line when the file is there and cannot be used: then nothing is remembered; and when it cannot be
   *   written, and can be again
   */
  constructor(path: string, warn: (message: string) => void) {
    this.#path = path;
    this.#warn = warn;
    this.#content = read(path, warn);
  }

  get content(): DeploymentRecord {
    return this.#content;
  }

  element(name: string): ElementRecord {
    return this.#content.elements[name] ?? { active: null };
  }

  /** Written and synced when this returns. @throws ExpectedError when it cannot be. */
  setElement(name: string, value: ElementRecord): void {
    this.#write({ ...this.#content, elements: { ...this.#content.elements, [name]: value } });
  }

  /** @throws ExpectedError when it cannot be written. */
  setQuarantine(quarantine: readonly QuarantineEntry[]): void {
    this.#write({ ...this.#content, quarantine: quarantine.slice(-MOST_QUARANTINED) });
  }

  /**
   * As setElement, for what has happened already: where it cannot be written it holds as long as this process runs, and is
   * tried again until it is written. A restart before that goes by what was written last.
   */
  keepElement(name: string, value: ElementRecord): void {
    this.#keep({ ...this.#content, elements: { ...this.#content.elements, [name]: value } });
  }

  /** As setQuarantine, in the manner of keepElement. */
  keepQuarantine(quarantine: readonly QuarantineEntry[]): void {
    this.#keep({ ...this.#content, quarantine: quarantine.slice(-MOST_QUARANTINED) });
  }

  /** Why the file does not hold what is known; undefined when it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Writes no more by itself. */
  close(): void {
    clearTimeout(this.#retry);
  }

  #write(content: DeploymentRecord): void {
    writeFileAtomically(this.#path, `${JSON.stringify(content, null, 2)}\n`);
    this.#content = content;
    clearTimeout(this.#retry);
    if (this.#problem !== undefined) this.#warn(`${this.#path} is written again`);
    this.#problem = undefined;
  }

  #keep(content: DeploymentRecord): void {
    try {
      this.#write(content);
    } catch (error) {
      this.#content = content;
      const problem = messageOf(error);
      if (problem !== this.#problem) this.#warn(`${problem}; what serves goes on, and is forgotten with a restart`);
      this.#problem = problem;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#keep(this.#content), RETRY_MS).unref();
    }
  }
}

function read(path: string, warn: (message: string) => void): DeploymentRecord {
  const empty: DeploymentRecord = { version: 1, elements: {}, quarantine: [] };
  try {
    return record.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") {
      warn(`${path} cannot be used (${messageOf(error).split("\n")[0]}): the bundles of the configuration are taken`);
    }
    return empty;
  }
}
