/** A device of a test: the real updater, and an activator that keeps its word in a file, as the deployments do. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { EXIT, ExpectedError } from "../../../../services/log/errors.ts";
import type { ActivationPlan, Activator, Standing } from "../../../../services/updater/activator.ts";
import { type Clock, systemClock } from "../../../../services/updater/clock.ts";
import { replaceFile } from "../../../../services/updater/durable.ts";
import { Transport } from "../../../../services/updater/transport.ts";
import type { UpdaterOptions } from "../../../../services/updater/types.ts";
import { Updater } from "../../../../services/updater/updater.ts";

/** What a bundle does when it is brought in, by what its module says. */
export type Behaviour = "good" | "refused" | "fails" | "hesitates";

interface ElementState {
  active: string | undefined;
  previous: string | undefined;
  changing: { to: string; step: "prepare" | "probation" } | undefined;
  last:
    | { directory: string; end: "done" | "refused" | "rolled-back" | "interrupted"; reason: string; isLasting: boolean }
    | undefined;
}

/** Behaves as the deployments: a transaction that is written down before it is done and resumed by a start. */
export class RecordedActivator implements Activator {
  readonly #file: string;
  #state: ElementState;
  readonly plans: ActivationPlan[] = [];
  /** ms that a step takes */
  stepMs = 1;
  frozen = false;
  unready: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string) {
    this.#file = join(folder, "deployments.json");
    this.#state = existsSync(this.#file)
      ? (JSON.parse(readFileSync(this.#file, "utf8")) as ElementState)
      : { active: undefined, previous: undefined, changing: undefined, last: undefined };
  }

  /** As Deployments.resume(). */
  resume(): void {
    const { changing } = this.#state;
    if (changing === undefined) return;
    if (changing.step === "prepare") this.#end(changing.to, "interrupted", "Nightjar was restarted meanwhile", false);
    else this.#later(() => this.#judge(changing.to));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  elements(): readonly string[] {
    return ["infer"];
  }

  notReady(): string | undefined {
    return this.#state.changing === undefined ? this.unready : "infer is changing";
  }

  begin(_element: string, directory: string, plan: ActivationPlan): void {
    if (this.#state.changing !== undefined) throw new ExpectedError(EXIT.configuration, "infer is changing");
    this.plans.push(plan);
    this.#write({ ...this.#state, changing: { to: directory, step: "prepare" } });
    this.#later(() => {
      if (behaviourOf(directory) === "refused")
        return this.#end(directory, "refused", "module.file: it does not compile", true);
      this.#write({
        ...this.#state,
        active: directory,
        previous: this.#state.active,
        changing: { to: directory, step: "probation" },
      });
      this.#later(() => this.#judge(directory));
    });
  }

  standing(_element: string, directory: string): Standing {
    const { active, changing, last } = this.#state;
    const place = (name: Standing["place"], reason = "", isLasting = false): Standing => ({
      place: name,
      reason,
      isLasting,
    });
    if (changing?.to === directory) return place(changing.step === "probation" ? "probation" : "changing");
    if (active === directory) return place("serving");
    if (last?.directory !== directory) return place("before");
    return place(last.end === "rolled-back" ? "gone-back" : "before", last.reason, last.isLasting);
  }

  serving(): string | undefined {
    return this.#state.active;
  }

  rollback(): void {
    const { active, previous } = this.#state;
    if (active === undefined) throw new ExpectedError(EXIT.configuration, "nothing else has served infer");
    clearTimeout(this.#timer);
    this.#write({
      active: previous,
      previous: undefined,
      changing: undefined,
      last: { directory: active, end: "rolled-back", reason: "somebody asked to go back", isLasting: false },
    });
  }

  forgive(): void {}

  needed(): ReadonlySet<string> {
    const { active, previous, changing } = this.#state;
    return new Set([active, previous, changing?.to].filter((each) => each !== undefined));
  }

  /** Somebody put another bundle into service. */
  put(directory: string | undefined): void {
    this.#write({ active: directory, previous: this.#state.active, changing: undefined, last: undefined });
  }

  #judge(directory: string): void {
    const isBad = behaviourOf(directory) === "fails";
    if (this.frozen) this.#later(() => this.#judge(directory));
    else if (isBad) this.#end(directory, "rolled-back", "its module failed 2 times", true, this.#state.previous);
    else this.#end(directory, "done", "", false);
  }

  /** One write: what serves and how it ended. */
  #end(
    directory: string,
    end: NonNullable<ElementState["last"]>["end"],
    reason: string,
    isLasting: boolean,
    active = this.#state.active,
  ): void {
    this.#write({ ...this.#state, active, changing: undefined, last: { directory, end, reason, isLasting } });
  }

  #later(work: () => void): void {
    this.#timer = setTimeout(work, this.stepMs);
  }

  #write(state: ElementState): void {
    replaceFile(this.#file, JSON.stringify(state));
    this.#state = state;
  }
}

function behaviourOf(directory: string): Behaviour {
  return (/^behaviour: (\w+)/.exec(readFileSync(join(directory, "module.wasm"), "utf8"))?.[1] ?? "good") as Behaviour;
}

export interface DeviceOptions extends Partial<Omit<UpdaterOptions, "repository" | "directory">> {
  readonly folder: string;
  readonly url: string;
  readonly firstRoot: Uint8Array;
  readonly clock?: Clock;
  readonly idleMs?: number;
  readonly rate?: number;
  readonly reached?: (point: string) => void;
  readonly stepMs?: number;
  readonly warnings?: string[];
}

export interface Device {
  readonly updater: Updater;
  readonly activator: RecordedActivator;
  readonly transport: Transport;
  /** Looks, and waits until all that follows is done. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

export const FACTS = { id: "gate-1", groups: [], hardware: ["x64"], supervisor: "0.1.0", abi: { major: 1, minor: 1 } };

/** Starts; `stop` keeps its folder for the next start. */
export function startDevice({
  folder,
  url,
  firstRoot,
  clock,
  idleMs = 2000,
  rate = 0,
  reached,
  stepMs,
  warnings = [],
  ...options
}: DeviceOptions): Device {
  const activator = new RecordedActivator(folder);
  if (stepMs !== undefined) activator.stepMs = stepMs;
  activator.resume();
  const transport = new Transport({ idleMs, rate, userAgent: "test" });
  const updater = new Updater({
    options: {
      repository: url,
      directory: join(folder, "updates"),
      channels: ["street"],
      device: FACTS,
      intervalMs: 2 ** 30,
      automatic: true,
      downloadWindows: [],
      installWindows: [],
      probation: { moduleMs: 10, modelMs: 20, shadowMs: 0, agreement: 0, frameRate: 0.95 },
      ...options,
    },
    firstRoot,
    transport,
    clock: clock ?? systemClock("system", 0),
    activator,
    log: pino({ level: "warn" }, { write: (line) => void warnings.push(line) }),
    onChange: () => {},
    ...(reached === undefined ? {} : { reached }),
  });
  updater.start();
  return {
    updater,
    activator,
    transport,
    check: async () => {
      await updater.settled();
      updater.check();
      await updater.settled();
    },
    stop: async () => {
      await updater.stop();
      activator.stop();
    },
  };
}
