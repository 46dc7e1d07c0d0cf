/** Metrics of the elements that bundles serve: detector, tracker, zones, rules. */
import type { LinkStatus } from "../postprocess/messages.ts";
import { known, oneHot, type Row, type Sample } from "./define.ts";
import type { Facts } from "./facts.ts";

const STATES = ["opening", "ready", "degraded", "refused", "closed"] as const;

export const ELEMENT_COUNTERS: readonly Row<Facts>[] = [
  each(
    "nightjar_element_module_restarts_total",
    "Module instances that failed and were replaced",
    ({ restarts }) => restarts,
  ),
  each(
    "nightjar_element_batches_total",
    "Batches with a result; begins anew with each bundle",
    ({ batches }) => batches,
  ),
  each(
    "nightjar_element_failed_batches_total",
    "Batches without a result; begins anew with each bundle",
    ({ failedBatches }) => failedBatches,
  ),
  each(
    "nightjar_element_frames_without_objects_total",
    "Frames that passed without objects because there was no result; begins anew with each bundle",
    ({ failedFrames }) => failedFrames,
  ),
];

export const ELEMENT_GAUGES: readonly Row<Facts>[] = [
  {
    name: "nightjar_element_info",
    help: "1; the labels say which bundle serves",
    labels: ["element", "bundle", "version"],
    read: ({ status }) => status.links.filter(({ bundle }) => bundle !== "").map(info),
  },
  {
    name: "nightjar_element_state",
    help: "1 for the state of the element's connection to its bundle",
    labels: ["element", "state"],
    read: ({ status }) => status.links.flatMap(({ instance, state }) => oneHot(STATES, state, { element: instance })),
  },
  each("nightjar_element_batches_per_second", "Batches through the module", ({ batchesPerSecond }) => batchesPerSecond),
  each("nightjar_element_frames_per_second", "Frames through the module", ({ framesPerSecond }) => framesPerSecond),
  each(
    "nightjar_element_agreement_ratio",
    "Share of objects on which the bundle agrees with the one before, while that is compared",
    ({ agreement }) => agreement,
  ),
  times(
    "nightjar_element_engine_seconds",
    "Inference of a batch: percentiles of the last second",
    ({ engineMs }) => engineMs,
  ),
  times(
    "nightjar_element_module_seconds",
    "The module for a batch: percentiles of the last second",
    ({ moduleMs }) => moduleMs,
  ),
  {
    name: "nightjar_bundles_quarantined",
    help: "Bundles that are not tried by themselves",
    read: ({ quarantined }) => quarantined,
  },
];

function each(name: string, help: string, value: (link: LinkStatus) => number | undefined): Row<Facts> {
  const read = ({ status }: Facts) => status.links.flatMap((link) => known({ element: link.instance }, value(link)));
  return { name, help, labels: ["element"], read };
}

/** Of a second without batches there is nothing to say. */
function times(
  name: string,
  help: string,
  value: (link: LinkStatus) => { readonly p50: number; readonly p99: number },
): Row<Facts> {
  const read = ({ status }: Facts) =>
    status.links.flatMap((link): Sample[] => {
      const { p50, p99 } = value(link);
      const element = link.instance;
      if (p50 === 0) return [];
      return [
        [{ element, quantile: "0.5" }, p50 / 1000],
        [{ element, quantile: "0.99" }, p99 / 1000],
      ];
    });
  return { name, help, labels: ["element", "quantile"], read };
}

function info({ instance, bundle }: LinkStatus): Sample {
  const space = bundle.lastIndexOf(" ");
  return [{ element: instance, bundle: bundle.slice(0, space), version: bundle.slice(space + 1) }, 1];
}
