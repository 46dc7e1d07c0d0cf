// An operator (TypeScript, trusted) in the place of a WebAssembly module: the same slots, the same limits on what it gives.

import { isBuiltin, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import type { Slot } from "../../firmware/link/slots.ts";
import { BatchMetadata, BatchMetadataOperator, type OperatorSetup } from "../../sdk/operator/index.ts";
import type { Parameters } from "./bundle_schema.ts";
import type { GuestLog } from "./guest.ts";
import { GuestError, type GuestSetup } from "./guest_memory.ts";
import type { OperatorCode } from "./module_file.ts";
import type { Runner } from "./module_worker.ts";
import { highestIdOf, readFrame, writeFrameResult } from "./operator_records.ts";

/** What operators import, wherever their bundle lies. */
const SPECIFIER = "nightjar/operator";
const SDK = new URL("../../sdk/operator/index.ts", import.meta.url).href;
const LEVELS = { info: 1, warn: 2, error: 3 } as const;

type OperatorClass = new () => BatchMetadataOperator;

/** By what stands before "js" and "ts" of a file's name. */
const FORMATS: Readonly<Record<string, string>> = { "": "module", m: "module", c: "commonjs" };

/**
 * Imports an operator from its bytes (JavaScript: module_file.ts has taken its types out); makes its instances. To be called once in a thread. Throws GuestError when it is no
 * operator.
 */
export async function loadOperator(
  { file, source }: OperatorCode,
  setup: GuestSetup,
  log: GuestLog,
): Promise<(firstObjectId: bigint) => Runner> {
  const url = pathToFileURL(file).href;
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === SPECIFIER) return { url: SDK, shortCircuit: true };
      if (context.parentURL === url && !isBuiltin(specifier)) throw new Error(foreign(specifier));
      return next(specifier, context);
    },
    load: (wanted, context, next) =>
      wanted === url ? { format: formatOf(file), source, shortCircuit: true } : next(wanted, context),
  });
  const loaded = (await import(url).catch((error: Error) => {
    throw new GuestError("module", `the operator ${file} cannot be loaded: ${error.message}`);
  })) as { default?: unknown };
  if (!isOperator(loaded.default)) {
    throw new GuestError("module", `${file} exports no class as default that extends BatchMetadataOperator`);
  }
  const Operator = loaded.default;
  return (firstObjectId) => new OperatorGuest(new Operator(), setup, firstObjectId, log);
}

/** Only what was hashed with the bundle runs: other files are not. */
function foreign(specifier: string): string {
  return `it imports "${specifier}": an operator is one file, and may import "${SPECIFIER}" and modules of Node ("node:fs")`;
}

function formatOf(file: string): string {
  const [, kind = ""] = /\.([cm]?)[jt]s$/.exec(file)!;
  return FORMATS[kind]!;
}

function isOperator(value: unknown): value is OperatorClass {
  return typeof value === "function" && value.prototype instanceof BatchMetadataOperator;
}

class OperatorGuest implements Runner {
  highestObjectId = 0n;
  readonly #operator: BatchMetadataOperator;
  readonly #limits: { objects: number; events: number };

  constructor(operator: BatchMetadataOperator, setup: GuestSetup, firstObjectId: bigint, log: GuestLog) {
    this.#operator = operator;
    this.#limits = { objects: setup.maxObjects, events: setup.maxEvents };
    const given: OperatorSetup = {
      labels: setup.labels,
      maxObjects: setup.maxObjects,
      maxEvents: setup.maxEvents,
      firstObjectId,
      log: (level, text) => log(LEVELS[level], text),
    };
    attempt("module", () => operator.start(given));
  }

  configure(parameters: Parameters): void {
    attempt("parameters", () => this.#operator.configure(parameters));
  }

  warmUp(): void {
    attempt("module", () => this.#operator.handleMetadata(new BatchMetadata([])));
  }

  run(slot: Slot, frames: number): void {
    const metas = Array.from({ length: frames }, (_, i) => readFrame(slot, i, this.#limits));
    attempt("module", () => this.#operator.handleMetadata(new BatchMetadata(metas)));
    metas.forEach((frame, i) => {
      writeFrameResult(slot, i, frame);
      const highest = highestIdOf(frame);
      if (highest > this.highestObjectId) this.highestObjectId = highest;
    });
  }

  save(): Uint8Array | undefined {
    const state = attempt("module", () => this.#operator.save());
    return state === undefined ? undefined : Buffer.from(JSON.stringify(state));
  }

  restore(state: Uint8Array): void {
    attempt("module", () => this.#operator.restore(JSON.parse(Buffer.from(state).toString())));
  }
}

/** An Error of an operator is what a status is of a module: it costs the batch, not the instance. */
function attempt<T>(code: "module" | "parameters", action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof GuestError) throw error;
    const { name, message, stack = "" } = error as Error;
    // The first line of the operator's own code.
    const [place] = /[^/\s(]+\.[cm]?[jt]s:\d+/.exec(stack.split("\n").slice(1).join("\n")) ?? [];
    throw new GuestError(code, `the operator failed: ${name}: ${message}${place ? ` (${place})` : ""}`);
  }
}
