/** Bundles as the control interface sees them: what there is, what serves, and what can be asked for. */
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import type { Config } from "../../config/load.ts";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import type { ShadowReport } from "../../postprocess/shadow.ts";
import { type BundleInfo, findBundle, installedBundles } from "../bundles.ts";
import { labelSettings } from "../pipeline-settings.ts";
import type { Deployments } from "./deployments.ts";
import { referenceOf } from "./index.ts";
import type { BundleReference, RecordFile } from "./record.ts";

export interface BundleView {
  readonly name: string;
  readonly version: string;
  readonly kind: "detect" | "analyze";
  readonly directory: string;
  /** Elements that it serves. */
  readonly serves: readonly string[];
  /** Why it is not tried by itself; "" when it is not in quarantine. */
  readonly quarantine: string;
  /** Why it cannot be read; "" when it can. */
  readonly problem: string;
}

export interface ElementView {
  readonly element: string;
  /** "name version" */
  readonly active: string;
  readonly directory: string;
  /** It is what the configuration says. */
  readonly isConfigured: boolean;
  /** What a rollback goes back to; null: nothing. */
  readonly previous: string | null;
  /** The change that is under way. */
  readonly change: {
    readonly bundle: string;
    readonly step: string;
    /** ms since 1970 */
    readonly since: number;
    readonly reason: string;
  } | null;
  /** How the last change ended. */
  readonly last: {
    readonly bundle: string;
    readonly end: string;
    readonly reason: string;
    readonly at: number;
    readonly shadow: ShadowReport | null;
  } | null;
}

export interface BundlesView {
  readonly elements: readonly ElementView[];
  readonly bundles: readonly BundleView[];
}

const milliseconds = z
  .number()
  .min(0)
  .max(7 * 24 * 3600 * 1000);

export const changeInput = z.strictObject({
  element: z.string().min(1),
  /** Name of an installed bundle, or the absolute path of a directory. */
  bundle: z.string().min(1),
  parameters: z.record(z.string(), z.unknown()).optional(),
  shadowMs: milliseconds.optional(),
  agreement: z.number().min(0).max(1).optional(),
  probationMs: milliseconds.optional(),
  force: z.boolean().optional(),
});
export type ChangeInput = z.output<typeof changeInput>;

export const quarantineInput = z.strictObject({ bundle: z.string().min(1), reason: z.string().max(500).optional() });

/** A shadow run of a bundle that nobody asked to serve takes so long unless told otherwise; ms. */
const SHADOW_MS = 10_000;

export class BundleControl {
  readonly #config: Config;
  readonly #deployments: Deployments;
  readonly #record: RecordFile;

  constructor(config: Config, deployments: Deployments, record: RecordFile) {
    this.#config = config;
    this.#deployments = deployments;
    this.#record = record;
  }

  view(): BundlesView {
    const elements = this.#deployments.elements.map((element) => this.#elementView(element));
    return { elements, bundles: this.#installed(elements) };
  }

  /** @throws ExpectedError when there is no such bundle or element, or it may not be now. */
  activate({ element, bundle, ...options }: ChangeInput): ElementView {
    this.#deployments.activate(element, this.#reference(element, bundle), options);
    return this.#elementView(element);
  }

  /** @throws ExpectedError as activate. */
  shadow({ element, bundle, shadowMs = SHADOW_MS, ...options }: ChangeInput): ElementView {
    const reference = this.#reference(element, bundle);
    this.#deployments.activate(element, reference, { ...options, shadowMs, shadowOnly: true });
    return this.#elementView(element);
  }

  /** @throws ExpectedError when there is nothing to go back to. */
  rollback(element: string): ElementView {
    this.#deployments.rollback(element);
    return this.#elementView(element);
  }

  /** @throws ExpectedError when there is no such bundle. */
  quarantine({ bundle, reason = "set aside by hand" }: z.output<typeof quarantineInput>): BundlesView {
    this.#deployments.quarantine(this.#known(bundle), reason);
    return this.view();
  }

  /** @throws ExpectedError when it is not in quarantine. */
  release(bundle: string): BundlesView {
    if (!this.#deployments.release(this.#known(bundle))) {
      throw new ExpectedError(EXIT.configuration, `${bundle} is not in quarantine`);
    }
    return this.view();
  }

  /** What was set of an element's parameters while Nightjar ran. */
  parametersOf(element: string): Readonly<Record<string, unknown>> {
    return this.#deployments.view(element).active?.parameters ?? {};
  }

  #elementView(element: string): ElementView {
    const { active, previous, transaction, last, configured } = this.#deployments.view(element);
    const serving = active ?? configured;
    return {
      element,
      active: nameOf(serving),
      directory: serving.directory,
      isConfigured: serving.directory === configured.directory,
      previous: previous === undefined ? null : nameOf(previous ?? configured),
      change:
        transaction === undefined
          ? null
          : {
              bundle: nameOf(transaction.to),
              step: transaction.step,
              since: transaction.since,
              reason: transaction.reason,
            },
      last:
        last === undefined
          ? null
          : {
              bundle: nameOf(last.bundle),
              end: last.end,
              reason: last.reason,
              at: last.at,
              shadow: (last.shadow as ShadowReport | undefined) ?? null,
            },
    };
  }

  #installed(elements: readonly ElementView[]): BundleView[] {
    const { bundles } = this.#config.directories;
    const places = new Set([
      ...installedBundles(bundles).map((name) => join(bundles, name)),
      ...elements.map(({ directory }) => directory),
    ]);
    return [...places].map((directory) => this.#bundleView(directory, elements));
  }

  #bundleView(directory: string, elements: readonly ElementView[]): BundleView {
    const serves = elements.filter((view) => view.directory === directory).map(({ element }) => element);
    const held = this.#record.content.quarantine.find(({ bundle }) => bundle.directory === directory);
    const common = { directory, serves, quarantine: held?.reason ?? "" };
    try {
      const { name, version, kind } = readAny(directory, this.#config.directories.bundles);
      return { name, version, kind, ...common, problem: "" };
    } catch (error) {
      const name = directory.split("/").at(-1) ?? directory;
      return { name, version: "", kind: "detect", ...common, problem: (error as Error).message };
    }
  }

  #reference(element: string, bundle: string): BundleReference {
    const kind = element === "infer" ? "detect" : "analyze";
    const info = findBundle(bundle, kind, "bundle", this.#config.directories.bundles);
    // A label that the configuration names and the bundle lacks is found now, and not in a running pipeline.
    if (element === "infer") labelSettings(this.#config, info);
    return referenceOf(info);
  }

  /** A bundle of whatever kind. */
  #known(bundle: string): BundleReference {
    return referenceOf(readAny(bundle, this.#config.directories.bundles));
  }
}

function readAny(bundle: string, directory: string): BundleInfo {
  try {
    return findBundle(bundle, "detect", "bundle", directory);
  } catch {
    const path = isAbsolute(bundle) ? bundle : join(directory, bundle);
    // Of the other kind, or wrong: the second look says which.
    return findBundle(path, "analyze", "bundle", directory);
  }
}

function nameOf({ name, version }: BundleReference): string {
  return `${name} ${version}`;
}
