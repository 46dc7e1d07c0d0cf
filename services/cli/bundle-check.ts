/**
 * Whether a run would take the bundles of a configuration: a postprocess process is started as in a run, and asked for
 * the same links as the pipeline's elements would. Its own loading code decides, so that both always agree.
 */
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Config } from "../config/load.ts";
import { EXIT, ExpectedError } from "../log/errors.ts";
import type { PipelineSettings } from "../pipeline/messages.ts";
import { LINK_VERSION } from "../postprocess/link_messages.ts";
import type { FromPostprocess } from "../postprocess/messages.ts";
import { CHILD_MODULES } from "../supervisor/children.ts";
import { refusalText } from "../supervisor/refusals.ts";

/** A bundle that cannot be used. */
export interface BundleProblem {
  /** The key of the configuration that names it. */
  readonly key: string;
  readonly message: string;
}

/** One element's request (docs/reference/link.md). */
interface Question {
  /** Name of the element. */
  readonly instance: string;
  readonly kind: "detect" | "analyze";
  readonly bundle: string;
  readonly batch: number;
  readonly parameters: object;
}

/** The least that an element asks for. */
const SLOTS = 2;

/**
 * @param limitMs for all of it: a model of gigabytes takes its time, a broken one may take for ever
 * @throws ExpectedError when there is no answer in that time, or the postprocess process does not run here
 */
export async function checkBundles(
  config: Config,
  settings: PipelineSettings,
  limitMs: number,
): Promise<BundleProblem[]> {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-check-"));
  const timeLimit = AbortSignal.timeout(limitMs);
  const host = startHost(join(folder, "host.sock"), config);
  try {
    const work = host.ready.then(() =>
      Promise.all(questionsOf(settings).map((question) => ask(question, config, host))),
    );
    const answers = await Promise.race([work, host.failed, tooLong(timeLimit, limitMs)]);
    return answers.filter((answer) => answer !== undefined);
  } finally {
    host.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function questionsOf({ infer, analytics, batch }: PipelineSettings): Question[] {
  const detector =
    infer === null
      ? []
      : [
          {
            instance: "infer",
            kind: "detect",
            bundle: infer.bundle,
            batch: batch.size,
            parameters: changesOf(infer),
          } as const,
        ];
  const others = analytics.map(
    ({ name, bundle, parameters = {} }) =>
      ({ instance: name, kind: "analyze", bundle, batch: batch.size, parameters }) as const,
  );
  return [...detector, ...others];
}

/** What the element makes of its properties (firmware/plugin/infer/settings.cpp). */
function changesOf({
  confidenceThreshold,
  classThresholds,
  parameters,
}: NonNullable<PipelineSettings["infer"]>): object {
  return {
    ...parameters,
    ...(confidenceThreshold === undefined ? {} : { "confidence-threshold": confidenceThreshold }),
    ...(classThresholds === undefined ? {} : { "class-thresholds": byClass(classThresholds) }),
  };
}

/** "0:0.5;3:0.6" as a list by class id, null where none is given. */
function byClass(thresholds: string): (number | null)[] {
  const entries = thresholds.split(";").map((entry) => entry.split(":").map(Number) as [number, number]);
  const list: (number | null)[] = Array(Math.max(...entries.map(([id]) => id)) + 1).fill(null);
  for (const [id, threshold] of entries) list[id] = threshold;
  return list;
}

interface Host {
  readonly socket: string;
  readonly ready: Promise<void>;
  /** Rejects when it ends by itself. */
  readonly failed: Promise<never>;
  end(): void;
}

function startHost(socket: string, { inference, modules }: Config): Host {
  const threads = inference.threads === 0 ? [] : ["--threads", String(inference.threads)];
  const operators = ["--operators", modules.operators.join(",")];
  const child = fork(
    CHILD_MODULES.postprocess,
    ["--socket", socket, "--log-level", "error", ...operators, ...threads],
    {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    },
  );
  let lastWords = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (lastWords = text.trim().split("\n").at(-1) ?? ""));
  const ready = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  child.on("message", (message: FromPostprocess) => {
    if (message.type === "ready") ready.resolve();
    if (message.type === "fatal") failed.reject(cannotCheck(message.message));
  });
  child.on("error", (error) => failed.reject(cannotCheck(error.message)));
  child.on("exit", (code, signal) => failed.reject(cannotCheck(lastWords || `it ended (${signal ?? code})`)));
  // Whoever waits for it hears of it; nobody may wait any more.
  failed.promise.catch(() => {});
  return { socket, ready: ready.promise, failed: failed.promise, end: () => child.kill("SIGKILL") };
}

/** @returns undefined when the bundle is taken. */
function ask(question: Question, config: Config, { socket }: Host): Promise<BundleProblem | undefined> {
  const { instance, ...rest } = question;
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket);
    connection.once("error", (error) => reject(cannotCheck(error.message)));
    createInterface({ input: connection }).on("line", (line) => {
      const answer = JSON.parse(line) as { type: string; key?: string; message?: string };
      if (answer.type === "layout") resolve(undefined);
      if (answer.type === "refused") resolve(refusalText(config, instance, `${answer.key}: ${answer.message}`));
    });
    connection.write(`${JSON.stringify({ type: "open", version: LINK_VERSION, instance, slots: SLOTS, ...rest })}\n`);
  });
}

function tooLong(signal: AbortSignal, limitMs: number): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      const message = `the bundles were not loaded within ${limitMs / 1000} s; give more time with --limit, or leave this check out with --no-bundles`;
      reject(new ExpectedError(EXIT.configuration, message));
    });
  });
}

function cannotCheck(reason: string): ExpectedError {
  const message = `the bundles cannot be checked here: ${reason}; nightjar doctor says what is missing, --no-bundles leaves this check out`;
  return new ExpectedError(EXIT.environment, message);
}
