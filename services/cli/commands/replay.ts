import { writeFile } from "node:fs/promises";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { Session } from "../../recording/session.ts";
import { type CommandSpec, isOn, textOf, type Values } from "../command.ts";
import { table } from "../table.ts";

// What runs modules brings V8 flags along, which nothing else here wants: imported when it is needed.

const RECORDING = "recording";
const IOU = 0.5;

export const replay: CommandSpec = {
  name: "replay",
  summary: "run a module over a recording, as fast as it goes, and compare: with it, another module, another recording",
  arguments: [{ name: "<file>", description: "the recording (nightjar record)" }],
  options: [
    { flags: "-m, --module <file>", description: "a .wasm file, with the recorded parameters" },
    {
      flags: "-b, --bundle <directory>",
      description: "the module of a bundle, with its parameters; default: the one that served",
    },
    {
      flags: "--against <what>",
      description: "recording (this one), a .wasm file, a bundle, or another recording",
      default: RECORDING,
    },
    { flags: "--element <name>", description: "infer, tracker, …; default: the first that fits the module" },
    {
      flags: "--parameters <json>",
      description: 'over the module\'s, such as {"confidence-threshold": 0.4}',
      parse: jsonOption,
    },
    {
      flags: "--iou <share>",
      description: "least overlap of two boxes that are the same object (default: 0.5)",
      parse: shareOf("--iou"),
    },
    {
      flags: "--agreement <share>",
      description: "end with exit code 3 when fewer objects agree",
      parse: shareOf("--agreement"),
    },
    { flags: "--run-operator", description: "run operators: code without a sandbox, with your rights" },
    { flags: "--html <file>", description: "write a page with the boxes drawn" },
  ],
  json: true,
  run: async (values) => {
    const file = textOf(values, "file") ?? "";
    const session = await run(file, values);
    const html = textOf(values, "html");
    if (html !== undefined) await writePage(html, session, file);
    const { frames: _, ...json } = session;
    const wanted = typeof values.agreement === "number" ? values.agreement : 0;
    const isEnough = session.report.agreement >= wanted && session.failed === 0;
    const text = sessionText(session) + (html === undefined ? "" : `\n${html}: the frames, with the boxes drawn`);
    return { exitCode: isEnough ? EXIT.ok : EXIT.configuration, text, json };
  },
};

async function run(file: string, values: Values): Promise<Session> {
  const { replaySession } = await import("../../recording/session.ts");
  const { Refusal } = await import("../../postprocess/refusal.ts");
  const against = textOf(values, "against");
  if (textOf(values, "module") !== undefined && textOf(values, "bundle") !== undefined) {
    throw new ExpectedError(EXIT.usage, "give --module or --bundle, not both; --against takes the other one");
  }
  try {
    return await replaySession({
      file,
      module: textOf(values, "module"),
      bundle: textOf(values, "bundle"),
      against: against === RECORDING ? undefined : against,
      element: textOf(values, "element"),
      parameters: values.parameters as Record<string, unknown> | undefined,
      iou: typeof values.iou === "number" ? values.iou : IOU,
      runOperator: isOn(values, "runOperator"),
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new ExpectedError(EXIT.configuration, error.message, { cause: error });
  }
}

async function writePage(html: string, session: Session, file: string): Promise<void> {
  const { sessionPage } = await import("../../recording/page.ts");
  await writeFile(html, sessionPage(session, file)).catch((error: unknown) => {
    throw new ExpectedError(EXIT.environment, `${html} cannot be written: ${messageOf(error)}`);
  });
}

function sessionText(session: Session): string {
  const { a, b, stream, report, failed, lastError, warnings, cutOff, dropped } = session;
  const real = session.timesRealTime > 0 ? `, ${session.timesRealTime.toFixed(1)} x real time` : "";
  const tracked = report.idChanges > 0 ? `, ${report.idChanges} changes of ids` : "";
  const lines = [
    `${b} against ${a}: ${report.frames} frames of ${stream.camera} (${stream.element})`,
    `${percent(report.agreement)} of the objects agree, ${report.differing} frames differ, ${report.identical} are the same to the bit${tracked}`,
    ...(session.pairedBy ? [pairedText(session)] : []),
    ...(session.framesPerSecond > 0
      ? [
          `${Math.round(session.framesPerSecond)} frames/s${real}; module ${Math.round(session.medianUs)} us a frame, p99 ${Math.round(session.p99Us)} us`,
        ]
      : []),
    ...warnings.map((text) => `warning: ${text}`),
    ...(cutOff ? ["warning: the recording was cut off; its last second may be missing"] : []),
    ...(dropped > 0 ? [`warning: about ${dropped} frames were left out when it was recorded`] : []),
    ...(failed > 0 ? [`${failed} frames failed: ${lastError}`] : []),
  ];
  const classes = report.classes.map(({ label, a: first, b: second, matched, iou }) => {
    return [label, String(first), String(second), String(matched), matched > 0 ? iou.toFixed(3) : "-"];
  });
  const events = report.events.map(({ type, both, onlyA, onlyB }) => [
    type,
    String(both),
    String(onlyA),
    String(onlyB),
  ]);
  const tables = [
    ...(classes.length > 0 ? [table(["CLASS", a.toUpperCase(), b.toUpperCase(), "BOTH", "MEAN IOU"], classes)] : []),
    ...(events.length > 0
      ? [table(["EVENT", "BOTH", `ONLY ${a.toUpperCase()}`, `ONLY ${b.toUpperCase()}`], events)]
      : []),
  ];
  return [lines.join("\n"), ...tables].join("\n\n");
}

const PAIRED_BY = {
  capture: "the time of capture",
  pts: "the time in the stream",
  picture: "their small pictures",
} as const;

function pairedText({ pairedBy, unpaired, report, failed }: Session): string {
  const all = report.frames + failed + unpaired;
  return `${all - unpaired} of ${all} frames were found in the other recording, by ${PAIRED_BY[pairedBy!]}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function jsonOption(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, together with JSON of the wrong kind.
  }
  throw new ExpectedError(EXIT.usage, `--parameters: found ${text}, expected a JSON object`);
}

function shareOf(option: string): (text: string) => number {
  return (text) => {
    const share = Number(text);
    if (text.trim() !== "" && share >= 0 && share <= 1) return share;
    throw new ExpectedError(EXIT.usage, `${option}: found "${text}", expected a number from 0 to 1`);
  };
}
