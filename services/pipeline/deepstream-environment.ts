import type { DeepStreamSettings } from "./messages.ts";

/**
 * What the environment of the pipeline process must say before GStreamer starts. Two elements have the name nvstreammux,
 * with other properties: the plugin chooses when it is loaded, and by this variable alone. It is always set, so that
 * one that came from outside changes nothing.
 */
export function deepStreamEnvironment({ muxer }: Pick<DeepStreamSettings, "muxer">): Record<string, string> {
  return { USE_NEW_NVSTREAMMUX: muxer === "new" ? "yes" : "no" };
}
