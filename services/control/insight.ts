/** What one wants to know of a running Nightjar besides its status: how it was, the log, the machine, the doctor, parameters. */
import type { Config } from "../config/load.ts";
import type { LogEntry } from "../log/entry.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { Machine, type MachineView } from "../machine/machine.ts";
import type { Deployments } from "../supervisor/deployments/deployments.ts";
import { type DoctorReport, DoctorReports } from "./doctor-report.ts";
import { History, type HistorySource, type HistoryView, STEP_MS } from "./history.ts";
import { LogTail } from "./log-tail.ts";
import type { ElementParameters } from "./parameters.ts";

export class Insight {
  readonly log = new LogTail();
  readonly #config: Config;
  readonly #deployments: Pick<Deployments, "elements" | "view">;
  readonly #history = new History();
  readonly #machine: Machine;
  readonly #doctor: DoctorReports;
  #timer: NodeJS.Timeout | undefined;

  constructor(config: Config, deployments: Pick<Deployments, "elements" | "view">) {
    this.#config = config;
    this.#deployments = deployments;
    const { directories, outbox, evidence } = config;
    this.#machine = new Machine({
      state: directories.state,
      outbox: outbox.directory,
      evidence: evidence.directory,
      bundles: directories.bundles,
    });
    this.#doctor = new DoctorReports(config.file);
  }

  /** Begins to keep the history. @param source of each point */
  start(source: () => HistorySource): void {
    this.#timer = setInterval(() => this.#history.add(source(), Date.now()), STEP_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  history(since: number | undefined): HistoryView {
    return this.#history.view(since);
  }

  logTail(limit: number, level: LogEntry["level"]): { readonly entries: readonly LogEntry[] } {
    return { entries: this.log.last(limit, level) };
  }

  machine(): Promise<MachineView> {
    return this.#machine.look();
  }

  doctor(): Promise<DoctorReport> {
    return this.#doctor.report();
  }

  /** @throws ExpectedError when there is no such element, or its bundle cannot be read */
  async parameters(element: string): Promise<ElementParameters> {
    const { elements } = this.#deployments;
    if (!elements.includes(element))
      throw new ExpectedError(EXIT.usage, `there is no element "${element}"; there are ${elements.join(", ")}`);
    const { active, configured } = this.#deployments.view(element);
    // What reads modules is not needed by a supervisor that nobody asks.
    const { parametersOf } = await import("./parameters.ts");
    return parametersOf(element, active ?? configured, this.#config);
  }
}
