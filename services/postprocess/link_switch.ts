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

import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "./deployment.ts";

/** For the element to answer an offer; ms. */
export interface AnswerLimits {
  /** It only maps the memory. */
  readonly atOnce: number;
  /** It runs the model itself, and loads it first: building an engine on a small machine takes minutes. */
  readonly withModel: number;
}

/** The supervisor waits longer for a step than that (host-link.ts). */
export const ANSWER_LIMITS: AnswerLimits = { atOnce: 60_000, withModel: 15 * 60_000 };
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
  /**
   * The element is of no more use: its engine is gone, or it did not answer an offer in time. It may take that offer yet,
   * and would then wait in memory that nobody serves: its connection has to end.
   */
  abandon(reason: string): void;
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
  limits: AnswerLimits = ANSWER_LIMITS,
): Promise<SwitchResult> {
  const began = performance.now();
  const isAnalyze = next.bundle.kind === "analyze";
  if (!next.sharesEngine(previous)) next.serveEngine();
  if (!isAnalyze) void next.serveModule();
  const answer = await answerTo(next, link, next.bundle.elementModel ? limits.withModel : limits.atOnce);
  if (answer !== undefined) throw new Declined(answer);
  if (next.sharesEngine(previous)) {
    await past(previous, "engine");
    next.serveEngine();
  }
  await past(previous, "module");
  const restored = isAnalyze ? await passOn(previous, next) : undefined;
  return { switchMs: performance.now() - began, restored };
}

async function passOn(previous: Deployment, next: Deployment): Promise<boolean | undefined> {
  const heritage = await previous.handOver();
  // A module that fails now is not the end of the switch: its policy is at work, and the next instance begins afresh.
  const begun = next.serveModule(heritage).catch(() => false);
  return Promise.race([begun, sleep(BEGIN_MS, false, { ref: false })]);
}

async function past(deployment: Deployment, stage: "engine" | "module"): Promise<void> {
  const end = performance.now() + DRAIN_MS;
  while (!deployment.isPast(stage) && performance.now() < end) await sleep(LOOK_MS);
}

async function answerTo(next: Deployment, link: SwitchLink, limitMs: number): Promise<string | undefined> {
  const timer = new AbortController();
  const limit = sleep(limitMs, undefined, { signal: timer.signal }).then(() => {
    const problem = `the element did not answer an offer within ${limitMs / 1000} s`;
    link.abandon(problem);
    throw new Error(problem);
  });
  limit.catch(() => {});
  try {
    return await Promise.race([link.offer(next), limit]);
  } finally {
    timer.abort();
  }
}
