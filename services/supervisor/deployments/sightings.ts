/** What is seen of the bundles of all elements, and heard about them: what a probation goes by. */
import type { LinkStatus } from "../../postprocess/messages.ts";
import { watchProbation } from "./probation.ts";
import type { BundleReference } from "./record.ts";
import type { Outcome, Plan, Sight } from "./transaction.ts";

export interface SightingsParts {
  links(): readonly LinkStatus[];
  /** Looked-at frames of decoded frames over all cameras that play; undefined: none plays. */
  inferredShare(): number | undefined;
}

export class Sightings {
  readonly #parts: SightingsParts;
  /** By element: the bundle (its directory) whose module was given up, and why. */
  readonly #givenUp = new Map<string, { readonly directory: string; readonly reason: string }>();
  /** Elements whose rollback was asked for while their bundle is on probation, and why. */
  readonly #asked = new Map<string, string>();
  /** By element: what was seen before the switch. */
  readonly #before = new Map<string, Sight>();
  /** How often each process ended. */
  #ends = { postprocess: 0, pipeline: 0 };

  constructor(parts: SightingsParts) {
    this.#parts = parts;
  }

  processEnded(name: "postprocess" | "pipeline"): void {
    this.#ends = { ...this.#ends, [name]: this.#ends[name] + 1 };
  }

  /** The module of that bundle is tried again now and then at most. */
  givenUp(element: string, directory: string, reason: string): void {
    this.#givenUp.set(element, { directory, reason });
  }

  /** Whatever was given up, it is about to be tried anew. */
  forgive(element: string): void {
    this.#givenUp.delete(element);
  }

  /** Somebody wants the bundle before, while this one is on probation. */
  askBack(element: string, reason: string): void {
    this.#asked.set(element, reason);
  }

  /** Notes how the element does with the bundle that another one is about to replace. */
  noteBefore(element: string, serving: BundleReference): void {
    this.#before.set(element, this.#look(element, serving));
  }

  /** Watches a bundle that has just begun to serve. */
  probation(element: string, serving: BundleReference, plan: Plan, signal: AbortSignal): Promise<Outcome> {
    return watchProbation(plan, this.#before.get(element), {
      look: () => this.#look(element, serving),
      takeRequest: () => {
        const asked = this.#asked.get(element);
        this.#asked.delete(element);
        return asked;
      },
      ends: () => this.#ends,
      signal,
    });
  }

  #look(element: string, { directory }: BundleReference): Sight {
    // Reports of the bundle before may still come.
    const link = this.#parts.links().find((each) => each.instance === element && each.directory === directory);
    const givenUp = this.#givenUp.get(element);
    return {
      isServing: link !== undefined,
      restarts: link?.restarts ?? 0,
      failedBatches: link?.failedBatches ?? 0,
      batches: link?.batches ?? 0,
      inferredShare: this.#parts.inferredShare(),
      givenUp: givenUp?.directory === directory ? givenUp.reason : undefined,
      agreement: link?.agreement,
      processEnded: false,
      pipelineEnds: 0,
    };
  }
}
