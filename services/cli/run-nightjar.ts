import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Config, loadConfig } from "../config/load.ts";
import type { LogEntry } from "../log/entry.ts";
import { EXIT, type ExpectedError } from "../log/errors.ts";
import { createLog, type Log } from "../log/logger.ts";
import type { Status } from "../supervisor/status.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { updateStep } from "../systemd/progress.ts";
import { Service } from "../systemd/service.ts";
import { isOn, type Result, type Terminal, textOf, type Values } from "./command.ts";
import { LiveView } from "./view/live-view.ts";
import { canPaint } from "./view/screen.ts";
import { neverPlayed, plainLine, summaryJson, summaryText } from "./view/summary.ts";

/** How often the plain view says how things are, milliseconds. */
const PLAIN_EVERY_MS = 5000;

type Ending = { readonly why: "duration" | "interrupted" } | { readonly why: "failed"; readonly error: ExpectedError };

/** Runs Nightjar until it is ended, its time is over or it cannot go on. */
export async function runNightjar(values: Values, terminal: Terminal): Promise<Result> {
  const config = loadConfig(textOf(values, "config") ?? "");
  const durationMs = typeof values.duration === "number" ? values.duration : undefined;
  const live = canPaint(terminal.stdout) && !isOn(values, "plain") && !isOn(values, "json");
  const early: LogEntry[] = [];
  let take = (entry: LogEntry) => {
    early.push(entry);
  };
  const log = openLog(config, live, (entry) => take(entry));
  const supervisor = new Supervisor({ config, logger: log.logger });
  take = (entry) => supervisor.takeLogEntry(entry);
  for (const entry of early) take(entry);
  const service = Service.start({
    config,
    log: log.logger,
    status: () => supervisor.status(),
    update: () => updateStep(supervisor.updates.status()),
  });
  return superviseUntilEnd(supervisor, { terminal, live, durationMs, quiet: isOn(values, "json"), service });
}

interface RunOptions {
  readonly terminal: Terminal;
  readonly live: boolean;
  readonly durationMs: number | undefined;
  readonly quiet: boolean;
  /** Undefined when systemd did not start us. */
  readonly service: Service | undefined;
}

async function superviseUntilEnd(supervisor: Supervisor, options: RunOptions): Promise<Result> {
  const interrupts = catchInterrupts(supervisor);
  const view = openView(supervisor, options, interrupts.interrupt);
  const durationOver = new AbortController();
  let status: Status;
  let ending: Ending;
  try {
    await supervisor.start();
    view.open();
    ending = await Promise.race([
      interrupts.first,
      supervisor.failed.then((error): Ending => ({ why: "failed", error })),
      endOfDuration(options.durationMs, durationOver.signal),
    ]);
  } finally {
    durationOver.abort();
    // Before the cameras stop: afterwards nothing plays any more.
    status = supervisor.status();
    view.stopping();
    const told = options.service?.stop();
    await Promise.race([supervisor.stop(), interrupts.second]);
    await told;
    view.close();
    interrupts.release();
  }
  return resultOf(ending, withLastCounts(status, supervisor.status()));
}

/** States from before the end, message counts from after it: the last messages go out while we stop. */
function withLastCounts(before: Status, after: Status): Status {
  return {
    ...before,
    broker: { ...before.broker, published: after.broker.published, acknowledged: after.broker.acknowledged },
  };
}

function resultOf(ending: Ending, status: Status): Result {
  if (ending.why === "failed") throw ending.error;
  const text = summaryText(status);
  const json = summaryJson(status);
  const failed = ending.why === "duration" && neverPlayed(status).length > 0;
  return { exitCode: failed ? EXIT.cameraFailed : EXIT.ok, text, json };
}

interface View {
  open(): void;
  stopping(): void;
  close(): void;
}

function openView(supervisor: Supervisor, { terminal, live, durationMs, quiet }: RunOptions, onQuit: () => void): View {
  const status = () => supervisor.status();
  if (live) return new LiveView({ terminal, status, durationMs, onQuit });
  return plainView((line) => (quiet ? undefined : terminal.stdout.write(`${line}\n`)), status);
}

function plainView(print: (line: string) => void, status: () => Status): View {
  let timer: NodeJS.Timeout | undefined;
  return {
    open: () => {
      const { console } = status();
      if (console !== null) print(`console: ${console}`);
      timer = setInterval(() => print(plainLine(status())), PLAIN_EVERY_MS);
    },
    stopping: () => clearInterval(timer),
    close: () => clearInterval(timer),
  };
}

/** The first Ctrl-C, SIGTERM or SIGHUP ends Nightjar in order, the second at once. */
function catchInterrupts(supervisor: Supervisor) {
  const first = Promise.withResolvers<Ending>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const interrupt = () => {
    count += 1;
    first.resolve({ why: "interrupted" });
    if (count > 1) {
      supervisor.kill();
      second.resolve();
    }
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, interrupt);
  return {
    first: first.promise,
    second: second.promise,
    interrupt,
    release: () => {
      for (const signal of signals) process.off(signal, interrupt);
    },
  };
}

async function endOfDuration(durationMs: number | undefined, signal: AbortSignal): Promise<Ending> {
  if (durationMs === undefined) return new Promise<Ending>(() => {});
  await sleep(durationMs, undefined, { signal }).catch(() => {});
  return { why: "duration" };
}

function openLog(config: Config, live: boolean, onEntry: (entry: LogEntry) => void): Log {
  const { level, format } = config.log;
  // The live view owns the terminal: a line in between would tear it.
  const file = config.log.file ?? (live ? join(config.directories.state, "nightjar.log") : undefined);
  const text = format === "text" || (format === "auto" && file === undefined && process.stderr.isTTY === true);
  return createLog({ level, format: text ? "text" : "json", file, onEntry });
}
