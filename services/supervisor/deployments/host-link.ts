/** Asks the postprocess process for steps of a transaction, and waits for each. */
import { ANSWER_LIMITS } from "../../postprocess/link_switch.ts";
import type { SwapAnswer, SwapStep, ToPostprocess } from "../../postprocess/messages.ts";

/** Loading a large model and building an engine on a small machine takes minutes: longer than the host itself waits. ms. */
const TIMEOUT_MS = ANSWER_LIMITS.withModel + 60_000;

export class HostLink {
  readonly #send: (message: ToPostprocess) => boolean;
  readonly #open = new Map<number, (answer: SwapAnswer) => void>();
  #next = 1;

  /** @param send false when the process is not there */
  constructor(send: (message: ToPostprocess) => boolean) {
    this.#send = send;
  }

  /** Never rejects. */
  ask(instance: string, step: SwapStep): Promise<SwapAnswer> {
    const request = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.answer(request, gone("does not answer", true)), TIMEOUT_MS);
      this.#open.set(request, (answer) => {
        clearTimeout(timer);
        this.#open.delete(request);
        resolve(answer);
      });
      const message = { type: "swap", request, instance, step } as const;
      if (!this.#send(message)) this.answer(request, gone("is not running", false));
    });
  }

  answer(request: number, answer: SwapAnswer): void {
    this.#open.get(request)?.(answer);
  }

  /** The process ended: what was under way took it along, for all that is known. */
  cancel(): void {
    for (const request of [...this.#open.keys()]) this.answer(request, gone("ended meanwhile", true));
  }
}

function gone(what: string, lasting: boolean): SwapAnswer {
  return { ok: false, lasting, key: "", message: `the postprocess process ${what}` };
}
