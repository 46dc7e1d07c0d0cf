/** How long to wait before the next try. */
import type { ReconnectSettings } from "./messages.ts";

/** A try that brought frames for this long was a success: the next failure starts from the shortest wait again. */
export const provenAfterMs = 10_000;

/**
 * `failures`: tries in a row that failed, at least 1. `random`: 0 to 1. The result is spread by the jitter, so that
 * cameras which went down together do not come back all at once.
 */
export function waitBeforeRetry(settings: ReconnectSettings, failures: number, random: number): number {
  const wait = Math.min(settings.maxMs, settings.initialMs * settings.factor ** (failures - 1));
  return Math.round(wait * (1 + settings.jitter * (2 * random - 1)));
}
