/** What the children log and how they end, as lines of our log: what two of them report is said once. */
import type { Config } from "../config/load.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { FromPipeline } from "../pipeline/messages.ts";
import type { FromPostprocess, LinkStatus } from "../postprocess/messages.ts";
import type { FatalReason } from "./managed-process.ts";
import { Refusals } from "./refusals.ts";

type LogMessage<From extends { readonly type: string }> = Extract<From, { readonly type: "log" }>;

const LEVELS = ["debug", "info", "warn", "error"] as const;

export class ChildLog {
  readonly #log: Logger;
  readonly #refusals: Refusals;

  constructor(config: Config, log: Logger) {
    this.#log = log;
    this.#refusals = new Refusals(config);
  }

  pipeline({ level, message, camera, fields }: LogMessage<FromPipeline>): void {
    this.#write(level, { process: "pipeline", ...(camera === undefined ? {} : { camera }), ...fields }, message);
  }

  postprocess({ level, message, instance }: LogMessage<FromPostprocess>): void {
    const refusal = this.#refusals.take(instance, message);
    const fields = { process: "postprocess", ...(instance === undefined ? {} : { instance }) };
    if (refusal === undefined) this.#write(level, fields, message);
    else this.#write(refusal.isNew ? level : "debug", fields, refusal.text);
  }

  /** An element that runs has nothing refused any more. */
  links(links: readonly LinkStatus[]): void {
    for (const { instance, state } of links) if (state === "ready") this.#refusals.forget(instance);
  }

  /** A process has been given up. @returns what Nightjar ends with */
  givenUp(name: string, reason: string, fatal: FatalReason | undefined): ExpectedError {
    const { fault } = fatal ?? {};
    const exitCode = fault === "input" ? EXIT.configuration : fault === "environment" ? EXIT.environment : EXIT.bug;
    const refusal = this.#refusals.behind(reason);
    if (refusal === undefined) this.#log.error({ process: name }, `${name} cannot run: ${reason}`);
    return new ExpectedError(exitCode, refusal ?? `the ${name} process cannot run: ${reason}`);
  }

  #write(level: string, fields: object, message: string): void {
    this.#log[LEVELS.find((known) => known === level) ?? "info"](fields, message);
  }
}
