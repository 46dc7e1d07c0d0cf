/** The detector that serves, when it is another than the configuration's: its labels are what the pipeline's classes mean. */
import type { Config } from "../config/load.ts";
import { messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import { type BundleInfo, findBundle } from "./bundles.ts";
import { labelSettings } from "./pipeline-settings.ts";
import type { Requests } from "./requests.ts";

/** Undefined, or said in the log and undefined: the configuration's detector counts. */
export function servingDetector(
  active: { readonly directory: string } | null,
  config: Config,
  log: Logger,
): BundleInfo | undefined {
  if (active === null) return undefined;
  try {
    return findBundle(active.directory, "detect", "bundle", config.directories.bundles);
  } catch (error) {
    log.error(messageOf(error));
    return undefined;
  }
}

/** Tells the pipeline the labels of the configuration as class ids of the detector that serves from now on. */
export function followLabels(
  detector: { readonly directory: string },
  config: Config,
  requests: Requests,
  log: Logger,
): void {
  const { classes, classThresholds } = config.inference;
  if (classes === undefined && Object.keys(classThresholds).length === 0) return;
  const info = servingDetector(detector, config, log);
  if (info === undefined) return;
  try {
    const change = labelSettings(config, info);
    void requests.ask({ type: "setParameters", step: "infer", change }).catch((error) => log.error(messageOf(error)));
  } catch (error) {
    log.error(messageOf(error));
  }
}
