/** What is worth saying of the labels of a bundle that works. */
import type { Bundles } from "./pipeline-settings.ts";

/** One line when the detector has no labels: objects then carry numbers, which no consumer of the messages can read. */
export function labelWarnings({ detector }: Bundles): string[] {
  if (detector.labels.length > 0) return [];
  const file = `${detector.directory}/bundle.yaml`;
  return [
    `inference.bundle: ${detector.name} names no labels, so that objects have no class name in messages and pictures; ` +
      `add labels: [car, person, …] to ${file}, one for each class in the model's order`,
  ];
}
