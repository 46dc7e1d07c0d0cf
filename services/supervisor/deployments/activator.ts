/** The deployments, as the updater wants them. */
import type { ActivationPlan, Activator, Standing } from "../../updater/activator.ts";
import { findBundle } from "../bundles.ts";
import type { Deployments } from "./deployments.ts";
import { referenceOf } from "./index.ts";
import type { BundleReference, RecordFile } from "./record.ts";

/** Steps after the switch. */
const SERVED: ReadonlySet<string> = new Set(["probation", "settle"]);

export class DeploymentsActivator implements Activator {
  readonly #deployments: Deployments;
  readonly #record: RecordFile;
  readonly #isConnected: (element: string) => boolean;

  /** @param isConnected whether the element runs, so that it can take a bundle */
  constructor(deployments: Deployments, record: RecordFile, isConnected: (element: string) => boolean) {
    this.#deployments = deployments;
    this.#record = record;
    this.#isConnected = isConnected;
  }

  elements(): readonly string[] {
    return this.#deployments.elements;
  }

  notReady(element: string): string | undefined {
    if (!this.#isConnected(element)) return `${element} does not run: no camera plays`;
    const { transaction } = this.#deployments.view(element);
    return transaction === undefined
      ? undefined
      : `${element} is changing to ${transaction.to.name} ${transaction.to.version}`;
  }

  begin(element: string, directory: string, plan: ActivationPlan): void {
    this.#deployments.activate(element, reference(element, directory), plan);
  }

  standing(element: string, directory: string): Standing {
    const { active, transaction, last } = this.#deployments.view(element);
    const isLasting = this.#record.content.quarantine.some(({ bundle }) => bundle.directory === directory);
    const at = (place: Standing["place"], reason = ""): Standing => ({ place, reason, isLasting });
    if (transaction?.to.directory === directory) return at(SERVED.has(transaction.step) ? "probation" : "changing");
    if (active?.directory === directory) return at("serving");
    if (last?.bundle.directory !== directory) return at("before");
    return at(last.end === "rolled-back" ? "gone-back" : "before", last.reason);
  }

  serving(element: string): string | undefined {
    return this.#deployments.view(element).active?.directory;
  }

  rollback(element: string): void {
    this.#deployments.rollback(element);
  }

  forgive(element: string, directory: string): void {
    this.#deployments.release(reference(element, directory));
  }

  needed(): ReadonlySet<string> {
    const views = this.elements().map((element) => this.#deployments.view(element));
    const bundles = views.flatMap(({ active, previous, transaction }) => [active, previous, transaction?.to]);
    return new Set(bundles.flatMap((bundle) => bundle?.directory ?? []));
  }
}

/** @throws ExpectedError when the directory holds no bundle for the element */
function reference(element: string, directory: string): BundleReference {
  return referenceOf(findBundle(directory, element === "infer" ? "detect" : "analyze", "update", directory));
}
