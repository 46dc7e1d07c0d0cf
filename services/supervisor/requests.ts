/** Questions to the pipeline process that get one reply each. */
import { EXIT, ExpectedError } from "../log/errors.ts";
import type { CameraSettings, ParameterChange } from "../pipeline/messages.ts";

type Question =
  | { readonly type: "addCamera"; readonly camera: CameraSettings }
  | { readonly type: "removeCamera"; readonly camera: string }
  | { readonly type: "setParameters"; readonly step: string; readonly change: ParameterChange };

interface Reply {
  readonly request: number;
  readonly ok: boolean;
  readonly error?: string;
}

/** A pipeline that is alive answers at once; a hung one is ended by the supervisor soon after. Milliseconds. */
const TIMEOUT_MS = 10_000;

export class Requests {
  readonly #send: (message: Question & { readonly request: number }) => boolean;
  readonly #open = new Map<number, PromiseWithResolvers<void>>();
  #next = 1;

  /** @param send false when the process is not there */
  constructor(send: (message: Question & { readonly request: number }) => boolean) {
    this.#send = send;
  }

  /**
   * Resolves when it is done. When the process is not there, or goes away meanwhile, that counts as done: the next one starts with
   * the new list of cameras.
   * @throws ExpectedError when the process refuses or does not answer.
   */
  async ask(question: Question): Promise<void> {
    const request = this.#next++;
    const open = Promise.withResolvers<void>();
    this.#open.set(request, open);
    const timer = setTimeout(() => {
      open.reject(new ExpectedError(EXIT.unreachable, "the pipeline process does not answer; look at the log"));
    }, TIMEOUT_MS);
    try {
      if (this.#send({ ...question, request })) await open.promise;
    } finally {
      clearTimeout(timer);
      this.#open.delete(request);
    }
  }

  reply({ request, ok, error }: Reply): void {
    const open = this.#open.get(request);
    if (ok) open?.resolve();
    else open?.reject(new ExpectedError(EXIT.configuration, error ?? "the pipeline process refused"));
  }

  /** The process is gone. */
  cancel(): void {
    for (const open of this.#open.values()) open.resolve();
  }
}
