/**
 * Which bundle serves which element, and how that changes while video flows. Performs the transactions that
 * transaction.ts describes, one per element at a time; what is decided is written down before it is done.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { Assignment } from "../../postprocess/connection.ts";
import type { FromPostprocess, SwapStep } from "../../postprocess/messages.ts";
import type { ShadowReport } from "../../postprocess/shadow.ts";
import type { ActivateReport, PrepareReport } from "../../postprocess/swap.ts";
import type { ActivateOptions, DeploymentParts } from "./parts.ts";
import type { BundleReference, ElementRecord, OutcomeRecord, TransactionRecord } from "./record.ts";
import { isSame } from "./record.ts";
import { Sightings } from "./sightings.ts";
import { type Next, type Outcome, type Plan, RULES, type StepName } from "./transaction.ts";

type Incident = Extract<FromPostprocess, { type: "incident" }>;

export class Deployments {
  readonly #parts: DeploymentParts;
  readonly #runs = new Map<string, Promise<void>>();
  readonly #abort = new AbortController();
  readonly #sightings: Sightings;
  /** By element: what the shadow run of the transaction found. */
  readonly #shadows = new Map<string, ShadowReport | undefined>();
  /** The record could not be written when that was looked at last. */
  #isUnwritten = false;
  constructor(parts: DeploymentParts) {
    this.#parts = parts;
    this.#sightings = new Sightings(parts);
  }

  /** What elements get instead of the configuration's bundle. */
  assignments(): Record<string, Assignment> {
    const { elements } = this.#parts.file.content;
    return Object.fromEntries(
      Object.entries(elements).flatMap(([element, { active }]) =>
        active === null ? [] : [[element, { bundle: active.directory, parameters: active.parameters }]],
      ),
    );
  }

  /** Goes on with what was under way when Nightjar ended. */
  resume(): void {
    for (const [element, record] of Object.entries(this.#parts.file.content.elements)) {
      const { transaction } = record;
      if (transaction === undefined) continue;
      const interruptions = transaction.interruptions + 1;
      const next = RULES[transaction.step].resume(interruptions);
      this.#parts.log.warn({ element, step: transaction.step }, "a change of bundles was interrupted");
      this.#take(element, { ...transaction, interruptions }, next);
      if ("step" in next) this.#begin(element);
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#parts.host.cancel();
    await Promise.all(this.#runs.values());
    this.#parts.file.close();
  }

  /**
   * Begins to activate a bundle; what becomes of it is in view().
   * @throws ExpectedError when the element has no such place, a change is under way, or the bundle is in quarantine
   */
  activate(element: string, to: BundleReference, options: ActivateOptions = {}): void {
    this.#expectElement(element);
    this.#expectIdle(element);
    if (options.force !== true) this.#expectFree(to);
    const { plan } = this.#parts;
    const transaction: TransactionRecord = {
      to: { ...to, ...(options.parameters === undefined ? {} : { parameters: options.parameters }) },
      plan: {
        shadowMs: options.shadowMs ?? plan.shadowMs,
        shadowOnly: options.shadowOnly ?? false,
        agreement: options.agreement ?? plan.agreement,
        probationMs: options.probationMs ?? plan.probationMs,
        frameRate: options.frameRate ?? plan.frameRate,
      },
      step: "prepare",
      startedAt: Date.now(),
      since: Date.now(),
      reason: "",
      interruptions: 0,
    };
    if (options.force === true) this.release(to);
    this.#parts.file.setElement(element, { ...this.#parts.file.element(element), transaction });
    this.#begin(element);
  }

  /** Back to what served before. @throws ExpectedError when nothing did, or a change is under way. */
  rollback(element: string): BundleReference {
    this.#expectElement(element);
    const { previous, active, transaction } = this.#parts.file.element(element);
    if (transaction?.step === "probation") {
      this.#sightings.askBack(element, "somebody asked to go back");
      return previous ?? this.#configured(element);
    }
    this.#expectIdle(element);
    if (previous === undefined) {
      throw new ExpectedError(EXIT.configuration, `nothing else has served ${element}: there is nothing to go back to`);
    }
    const to = previous ?? this.#configured(element);
    this.activate(element, to, { shadowMs: 0, force: true, parameters: to.parameters });
    this.#parts.log.info({ element, from: active?.name }, `going back to ${to.name} ${to.version}`);
    return to;
  }

  /** Keeps a bundle from being activated, until it is released or forced. */
  quarantine(bundle: BundleReference, reason: string): void {
    this.#parts.file.setQuarantine(this.#quarantineWith(bundle, reason));
  }

  /** @returns whether it was in quarantine */
  release(bundle: BundleReference): boolean {
    const { file } = this.#parts;
    const others = file.content.quarantine.filter((entry) => !isSame(entry.bundle, bundle));
    if (others.length === file.content.quarantine.length) return false;
    file.setQuarantine(others);
    return true;
  }

  /** What is known of an element. */
  view(element: string): ElementRecord & { readonly configured: BundleReference } {
    return { ...this.#parts.file.element(element), configured: this.#configured(element) };
  }

  get elements(): string[] {
    return Object.keys(this.#parts.configured);
  }

  /** Something happened to a module. It may be that of a bundle that has served, or is about to: that one has to answer. */
  hear(incident: Incident): void {
    const { instance, bundle: directory, step, reason, ms, framesWithoutObjects } = incident;
    const element = this.#parts.file.element(instance);
    const serving = element.active ?? this.#parts.configured[instance];
    if (serving === undefined) return;
    const known = [serving, element.transaction?.to, element.previous, this.#parts.configured[instance]];
    const bundle = known.find((each) => each?.directory === directory);
    // Of a bundle that was left long ago.
    if (!bundle) return;
    this.#announce(instance, bundle, `module ${step}`, reason, ms, framesWithoutObjects);
    if (step !== "given-up") return;
    this.#sightings.givenUp(instance, directory, reason);
    const isLasting = element.transaction === undefined && element.previous !== undefined;
    if (isLasting && bundle === serving) this.#fallBack(instance, element, reason);
  }

  /** The postprocess process ended; it is started again by whoever watches it. */
  processEnded(): void {
    this.#sightings.processEnded("postprocess");
    this.#parts.host.cancel();
  }

  /** The pipeline process ended. */
  pipelineEnded(): void {
    this.#sightings.processEnded("pipeline");
  }

  #quarantineWith(bundle: BundleReference, reason: string) {
    const others = this.#parts.file.content.quarantine.filter((entry) => !isSame(entry.bundle, bundle));
    return [...others, { bundle, reason, at: Date.now() }];
  }

  /** A module that does not come back, of a bundle that once passed its probation: the last one that worked serves again. */
  #fallBack(element: string, record: ElementRecord, reason: string): void {
    const to = record.active ?? this.#configured(element);
    const transaction: TransactionRecord = {
      to,
      plan: this.#parts.plan,
      step: "probation",
      startedAt: Date.now(),
      since: Date.now(),
      reason: "",
      interruptions: 0,
    };
    this.#take(element, transaction, { step: "rollback", reason, quarantine: true });
    this.#begin(element);
  }

  #begin(element: string): void {
    const run = this.#run(element).catch((error: unknown) => {
      this.#parts.log.error({ err: error, element }, `a change of bundles stopped: ${messageOf(error)}`);
    });
    this.#runs.set(element, run);
    void run.then(() => this.#runs.get(element) === run && this.#runs.delete(element));
  }

  async #run(element: string): Promise<void> {
    for (;;) {
      const { transaction } = this.#parts.file.element(element);
      if (transaction === undefined) return;
      const began = performance.now();
      const outcome = await this.#perform(element, transaction);
      // It goes on where it was at the next start.
      if (this.#abort.signal.aborted) return;
      const current = this.#parts.file.element(element).transaction ?? transaction;
      const problem = outcome.ok ? "" : outcome.reason;
      const frames = outcome.ok ? outcome.framesWithoutObjects : 0;
      this.#announce(element, current.to, transaction.step, problem, performance.now() - began, frames);
      this.#take(element, current, RULES[transaction.step].next(outcome, current.plan, current), outcome);
    }
  }

  /** Writes down what comes next, and what that means for who serves. */
  #take(element: string, transaction: TransactionRecord, next: Next, outcome?: Outcome): void {
    const record = this.#parts.file.element(element);
    if ("end" in next) {
      this.#end(element, record, transaction, next);
      return;
    }
    const { file } = this.#parts;
    if (next.quarantine === true) file.keepQuarantine(this.#quarantineWith(transaction.to, next.reason));
    file.keepElement(element, {
      ...record,
      ...servingFrom(record, transaction, next.step),
      transaction: { ...transaction, step: next.step, since: Date.now(), reason: next.reason },
    });
    this.#tellUnwritten(element, transaction.to);
    this.#shadows.set(element, shadowOf(outcome) ?? this.#shadows.get(element));
    this.#parts.assign();
  }

  #end(
    element: string,
    { transaction: _, ...record }: ElementRecord,
    { to }: TransactionRecord,
    { end, reason }: Extract<Next, { end: string }>,
  ): void {
    const shadow = this.#shadows.get(element);
    this.#shadows.delete(element);
    const last: OutcomeRecord = {
      end,
      bundle: to,
      reason,
      at: Date.now(),
      ...(shadow === undefined ? {} : { shadow }),
    };
    this.#parts.file.keepElement(element, { ...record, last });
    this.#tellUnwritten(element, to);
    this.#parts.assign();
    this.#announce(element, to, end, reason, 0);
  }

  async #perform(element: string, { step, to, plan }: TransactionRecord): Promise<Outcome> {
    switch (step) {
      case "prepare":
        return this.#prepare(element, to);
      case "shadow":
        return this.#shadow(element, plan);
      case "activate":
        this.#sightings.noteBefore(element, this.#serving(element));
        this.#sightings.forgive(element);
        return this.#activate(element, to);
      case "probation":
        return this.#probation(element, plan);
      case "settle":
        return this.#ask(element, { step: "settle" });
      case "discard":
        return this.#ask(element, { step: "discard" });
      case "rollback":
        return this.#goBack(element);
    }
  }

  async #activate(element: string, to: BundleReference): Promise<Outcome> {
    const outcome = await this.#ask(element, { step: "activate" });
    if (outcome.ok) this.#parts.serves(element, to);
    return outcome;
  }

  async #prepare(element: string, to: BundleReference): Promise<Outcome> {
    const { file, host } = this.#parts;
    const answer = await host.ask(element, { step: "prepare", bundle: to.directory, parameters: to.parameters });
    if (!answer.ok) return { ok: false, reason: answer.message, lasting: answer.lasting };
    const { name, version, digest } = (answer.result as PrepareReport).bundle;
    const record = file.element(element);
    if (record.transaction === undefined) return { ok: true };
    const transaction = { ...record.transaction, to: { ...to, name, version, digest } };
    file.keepElement(element, { ...record, transaction });
    const held = file.content.quarantine.find(({ bundle }) => bundle.digest === digest);
    return held === undefined
      ? { ok: true }
      : { ok: false, reason: `it is in quarantine: ${held.reason}`, lasting: false };
  }

  async #shadow(element: string, { shadowMs }: Plan): Promise<Outcome> {
    const begun = await this.#ask(element, { step: "begin-shadow" });
    if (!begun.ok) return begun;
    await this.#sleep(shadowMs);
    const answer = await this.#parts.host.ask(element, { step: "end-shadow" });
    if (!answer.ok) return { ok: false, reason: answer.message, lasting: answer.lasting };
    return { ok: true, shadow: answer.result as ShadowReport };
  }

  async #probation(element: string, plan: Plan): Promise<Outcome> {
    if (plan.agreement > 0) await this.#parts.host.ask(element, { step: "begin-shadow", against: "before" });
    return this.#sightings.probation(element, this.#serving(element), plan, this.#abort.signal);
  }

  /**
   * What is written down serves again. An element that is not connected gets it when it comes; one that does not take it
   * has to connect again, and is given nothing else then: what was taken back must not go on serving.
   */
  async #goBack(element: string): Promise<Outcome> {
    const serving = this.#serving(element);
    const { directory, parameters } = serving;
    this.#sightings.forgive(element);
    this.#parts.serves(element, serving);
    const steps: SwapStep[] = [
      { step: "prepare", bundle: directory, parameters },
      { step: "activate" },
      { step: "settle" },
    ];
    let framesWithoutObjects = 0;
    for (const step of steps) {
      const answer = await this.#parts.host.ask(element, step);
      if (answer.ok) {
        if (step.step === "activate") ({ framesWithoutObjects } = answer.result as ActivateReport);
        continue;
      }
      this.#parts.log.warn({ element }, `${directory} does not serve again yet: ${answer.message}`);
      await this.#parts.host.ask(element, { step: "reconnect" });
      return { ok: false, reason: answer.message, lasting: false };
    }
    return { ok: true, framesWithoutObjects };
  }

  /** Once: a change goes on without its record. */
  #tellUnwritten(element: string, bundle: BundleReference): void {
    const { problem } = this.#parts.file;
    if (problem !== undefined && !this.#isUnwritten) this.#announce(element, bundle, "not written down", problem, 0);
    this.#isUnwritten = problem !== undefined;
  }

  async #ask(element: string, step: SwapStep): Promise<Outcome> {
    const answer = await this.#parts.host.ask(element, step);
    return answer.ok ? { ok: true } : { ok: false, reason: answer.message, lasting: answer.lasting };
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#abort.signal }).catch(() => {});
  }

  #announce(
    element: string,
    { name, version }: BundleReference,
    step: string,
    reason: string,
    ms: number,
    framesWithoutObjects = 0,
  ): void {
    const event = { element, bundle: { name, version }, step, reason, ms: Math.round(ms), framesWithoutObjects };
    const level = reason === "" ? "info" : "warn";
    this.#parts.log[level](event, `bundle ${name} ${version} for ${element}: ${step}${reason && `: ${reason}`}`);
    this.#parts.announce(event);
  }

  /** What is written down as serving. */
  #serving(element: string): BundleReference {
    return this.#parts.file.element(element).active ?? this.#configured(element);
  }

  #configured(element: string): BundleReference {
    return this.#parts.configured[element]!;
  }

  #expectElement(element: string): void {
    if (this.#parts.configured[element] !== undefined) return;
    const known = this.elements.join(", ");
    throw new ExpectedError(EXIT.configuration, `there is no element "${element}"; there is: ${known}`);
  }

  #expectIdle(element: string): void {
    const { transaction } = this.#parts.file.element(element);
    if (transaction === undefined) return;
    const { to, step } = transaction;
    const message = `${element} is changing to ${to.name} ${to.version} (${step}): wait until that has ended`;
    throw new ExpectedError(EXIT.configuration, message);
  }

  #expectFree(bundle: BundleReference): void {
    const held = this.#parts.file.content.quarantine.find((entry) => isSame(entry.bundle, bundle));
    if (held === undefined) return;
    const advice = "install a mended version, or activate it with --force";
    const message = `${bundle.name} ${bundle.version} is in quarantine: ${held.reason}; ${advice}`;
    throw new ExpectedError(EXIT.configuration, message);
  }
}

function shadowOf(outcome: Outcome | undefined): ShadowReport | undefined {
  return outcome?.ok === true ? outcome.shadow : undefined;
}

/** Who serves once the step is written down. */
function servingFrom(
  record: ElementRecord,
  { to, step: from }: TransactionRecord,
  step: StepName,
): Partial<ElementRecord> {
  const served = RULES[from].serves;
  const serves = RULES[step].serves;
  if (served === "before" && serves === "after") return { active: to, previous: record.active };
  if (served === "after" && serves === "before") return { active: record.previous ?? null, previous: undefined };
  return {};
}
