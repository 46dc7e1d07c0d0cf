// The loop of a worker: waits for its bell, takes the oldest slot that is ready, works on it.

import { waitBell } from "../../firmware/link/addon.ts";
import type { Bell, SlotState } from "../../firmware/link/protocol.ts";
import type { LinkMemory, Slot } from "../../firmware/link/slots.ts";

/**
 * Takes the slot with the lowest sequence that is in state `from`, and moves it to `to`.
 * Undefined when there is none. The order matters: a tracker must see frames as they came.
 */
export function takeOldest(link: LinkMemory, from: SlotState, to: SlotState): Slot | undefined {
  let oldest: Slot | undefined;
  for (const slot of link.slots) {
    if (slot.state === from && (!oldest || ((slot.sequence - oldest.sequence) | 0) < 0)) oldest = slot;
  }
  return oldest?.take(from, to) ? oldest : undefined;
}

/** The next slot; waits for one until `stopped` says true, then returns undefined. */
export function nextSlot(
  link: LinkMemory,
  bell: Bell,
  from: SlotState,
  to: SlotState,
  stopped: () => boolean,
): Slot | undefined {
  while (!link.stopped && !stopped()) {
    const seen = link.bell(bell);
    const slot = takeOldest(link, from, to);
    if (slot) return slot;
    waitBell(link, bell, seen, WAKE_MS);
  }
  return undefined;
}

/** Frames in a slot; 0 when the element wrote something impossible there. */
export function framesOf(slot: Slot): number {
  try {
    return slot.batch;
  } catch {
    return 0;
  }
}

/** How soon a worker looks at its stop word when nobody rings. */
const WAKE_MS = 100;
