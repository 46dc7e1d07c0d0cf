// Moves an element from one deployment to the next while batches are under way.
//
//   host                                                    element
//   next: a model or module of its own begins beside
//   reconfigure + memfd ──────────────────────────────────► the next batch begins in the new memory
//   ◄──────────────────────────────────────────── switched  the old memory gets no new batch
//   previous: its slots go through engine and module
//     engine, when shared: goes over to the new memory as soon as no old slot waits for it
//     analyze module: gives its state over as soon as no old slot waits for it; the next one begins with that
//
// Batches in the new memory wait meanwhile, so order is kept, and for no longer than the old ones take.

import type { Deployment } from "./deployment.ts";

/** One that runs the model itself loads it before it answers; the others answer at once. ms. */
const ANSWER_MS = 60_000;
/** A module that does not begin in this time has failed, and its policy is at work; ms. */
const BEGIN_MS = 5000;
/** What the batches in work may take; then they are given up, as their element has long done. ms. */
const DRAIN_MS = 5000;
const LOOK_MS = 1;

/** The element did not take the layout; nothing has changed. */
export class Declined extends Error {
  override readonly name = "Declined";
}

export interface SwitchLink {
  /** Sends the layout of `next`; resolves with the element's answer: undefined when it switched, else why not. */
  offer(next: Deployment): Promise<string | undefined>;
  onEngineExit(reason: string): void;
}

export interface SwitchResult {
  /** ms from the offer until the next one served everything. */
  switchMs: number;
  /** Whether the state was taken over; undefined when there was none to take. */
  restored: boolean | undefined;
}

/**
 * Resolves when `next` serves. `previous` is idle then, and still open. Throws Declined, or an Error when the element does
 * not answer: its connection is of no more use then.
 */
export async function switchDeployment(
  previous: Deployment,
  next: Deployment,
  link: SwitchLink,
): Promise<SwitchResult> {
  const began = performance.now();
  const isAnalyze = next.bundle.kind === "analyze";
  if (!next.sharesEngine(previous)) next.serveEngine(link.onEngineExit);
  if (!isAnalyze) next.serveModule();
  const answer = await withLimit(link.offer(next), ANSWER_MS);
  if (answer !== undefined) throw new Declined(answer);
  if (next.sharesEngine(previous)) {
    await past(previous, "engine");
    next.serveEngine(link.onEngineExit);
  }
  await past(previous, "module");
  const restored = isAnalyze ? await passOn(previous, next) : undefined;
  return { switchMs: performance.now() - began, restored };
}

async function passOn(previous: Deployment, next: Deployment): Promise<boolean | undefined> {
  const heritage = await previous.handOver();
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), BEGIN_MS).unref();
    next.serveModule(heritage, resolve);
  });
}

async function past(deployment: Deployment, stage: "engine" | "module"): Promise<void> {
  const end = performance.now() + DRAIN_MS;
  while (!deployment.isPast(stage) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function withLimit<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the element did not answer an offer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
