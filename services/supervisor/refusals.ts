/** What the postprocess process will not run: it is said once until it changes, however many processes report it. */
import type { Config } from "../config/load.ts";

/** How the host begins the line of a refusal (services/postprocess/connection.ts). */
const MARK = "refused: ";

/** By element of the pipeline: the configuration key that its bundle comes from. */
const KEYS: Readonly<Record<string, string>> = {
  infer: "inference.bundle",
  tracker: "tracking.bundle",
  zones: "zones.bundle",
};

export class Refusals {
  readonly #config: Config;
  readonly #last = new Map<string, string>();

  constructor(config: Config) {
    this.#config = config;
  }

  /**
   * A line of the host about an element.
   * @returns undefined: no refusal; otherwise its text for people, and whether it is new
   */
  take(instance: string | undefined, line: string): { readonly text: string; readonly isNew: boolean } | undefined {
    if (instance === undefined || !line.startsWith(MARK)) return undefined;
    const problem = line.slice(MARK.length);
    const isNew = this.#last.get(instance) !== problem;
    this.#last.set(instance, problem);
    return { text: this.#textOf(instance, problem), isNew };
  }

  /** The element runs now: the same refusal later is news again. */
  forget(instance: string): void {
    this.#last.delete(instance);
  }

  /** The text of the refusal that `reason` (of a process that ended) repeats; undefined when it is about something else. */
  behind(reason: string): string | undefined {
    for (const [instance, problem] of this.#last) if (reason.includes(problem)) return this.#textOf(instance, problem);
    return undefined;
  }

  #textOf(instance: string, problem: string): string {
    const { key, message } = refusalText(this.#config, instance, problem);
    return `${key}: ${message}`;
  }
}

/** The refusal of an element's bundle as a problem of the configuration. `problem`: "model.file: …", a key of bundle.yaml first. */
export function refusalText(
  { inference, tracking, zones, rules }: Config,
  instance: string,
  problem: string,
): { readonly key: string; readonly message: string } {
  const rule = rules.findIndex(({ name }) => name === instance);
  const bundles: Readonly<Record<string, string>> = { infer: inference.bundle, zones: zones.bundle };
  const bundle = rules[rule]?.bundle ?? bundles[instance] ?? tracking.bundle;
  const key = rule >= 0 ? `rules[${rule}].bundle` : (KEYS[instance] ?? instance);
  return { key, message: `bundle ${bundle} cannot be used: ${problem}` };
}
