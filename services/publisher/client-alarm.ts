/** Another client under our identifier: the broker ends the connection of one for the other, again and again, until somebody puts it right. */
import { type BrokerProblem, CLOSED_SOON, TAKEN_OVER } from "./broker-problem.ts";

const CODES: ReadonlySet<string> = new Set([String(TAKEN_OVER), CLOSED_SOON]);
/** It is taken for put right when it has not happened for so long. Milliseconds. */
const HOLD_MS = 600_000;

export class ClientAlarm {
  readonly #now: () => number;
  #text = "";
  #at = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** What is wrong and what to do; empty when nothing is. */
  get text(): string {
    return this.#text !== "" && this.#now() - this.#at < HOLD_MS ? this.#text : "";
  }

  /** The connection ended. True when this is a new alarm. */
  hear({ code, message }: BrokerProblem): boolean {
    if (!CODES.has(code)) return false;
    const isNews = this.text !== message;
    this.#text = message;
    this.#at = this.#now();
    return isNews;
  }
}
