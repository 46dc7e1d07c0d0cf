import { access, constants } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import type { CaptureView } from "../../supervisor/captures.ts";
import { Client } from "../client.ts";
import { type CommandSpec, isOn, textOf } from "../command.ts";
import { REACH_OPTIONS, socketOf } from "../options.ts";

const POLL_MS = 300;
const MOST_SECONDS = 3600;
const MEBIBYTE = 1024 * 1024;
const DEFAULTS = { seconds: 10, bytes: 100e6, width: 240 } as const;

export const record: CommandSpec = {
  name: "record",
  summary: "record a running camera (tensors, objects, events, small pictures) into a file for nightjar replay",
  arguments: [{ name: "<camera>", description: "id of the camera" }],
  options: [
    ...REACH_OPTIONS,
    { flags: "-o, --output <file>", description: "the recording, such as gate.njrec", required: true },
    {
      flags: "-n, --seconds <number>",
      description: "end after so long (default: 10); Ctrl-C ends it before",
      parse: secondsOption,
    },
    {
      flags: "--max-bytes <size>",
      description: "end before the file is larger, 1MB to 2GB (default: 100MB)",
      parse: bytesOption,
    },
    { flags: "--no-tensors", description: "without the model's outputs: for analyze modules only, and far smaller" },
    {
      flags: "--thumbnails <pixels>",
      description: "width of the small pictures (default: 240), 0 for none",
      parse: widthOption,
    },
  ],
  json: true,
  run: async (values, { stderr }) => {
    const file = resolve(textOf(values, "output") ?? "");
    await requireWritable(dirname(file));
    const client = new Client(socketOf(values));
    const begun = await client.call("beginCapture", {
      id: textOf(values, "camera") ?? "",
      seconds: numberOf(values.seconds, DEFAULTS.seconds),
      maxBytes: numberOf(values.maxBytes, DEFAULTS.bytes),
      tensors: values.tensors !== false,
      thumbnailWidth: numberOf(values.thumbnails, DEFAULTS.width),
    });
    const show =
      stderr.isTTY && !isOn(values, "json") ? (view: CaptureView) => stderr.write(`\r${progress(view)} `) : () => {};
    const view = await follow(client, begun, show);
    if (stderr.isTTY && !isOn(values, "json")) stderr.write("\r\x1b[K");
    if (view.bytes === 0) {
      throw new ExpectedError(EXIT.environment, `nothing was recorded: ${view.reason || "the camera gave no frame"}`);
    }
    await client.download(view.path, file);
    await client.call("removeCapture", { capture: view.id });
    // What was recorded until then is there, and can be replayed.
    const exitCode = view.state === "failed" ? EXIT.unreachable : EXIT.ok;
    return { exitCode, text: summary(file, view), json: { file, ...view } };
  },
};

/** Until it has ended by itself, or Ctrl-C. */
async function follow(client: Client, begun: CaptureView, show: (view: CaptureView) => void): Promise<CaptureView> {
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  let view = begun;
  while (view.state === "running" && !stopped) {
    await sleep(POLL_MS);
    view = await client.call("viewCapture", { capture: begun.id });
    show(view);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  return client.call("endCapture", { capture: begun.id });
}

async function requireWritable(directory: string): Promise<void> {
  await access(directory, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "there is no such directory" : `it may not be written (${error.code})`;
    throw new ExpectedError(EXIT.environment, `--output: ${directory}: ${why}`);
  });
}

function progress({ ms, frames, bytes, dropped }: CaptureView): string {
  return `${(ms / 1000).toFixed(1)} s, ${frames} frames, ${size(bytes)}${dropped > 0 ? `, ${dropped} left out` : ""}`;
}

function summary(file: string, view: CaptureView): string {
  const why = { full: ", as large as it may be", time: "", stopped: "" }[view.reason] ?? `: ${view.reason}`;
  return `${file}: ${progress(view)}${why}`;
}

function size(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function numberOf(value: unknown, standard: number): number {
  return typeof value === "number" ? value : standard;
}

function secondsOption(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= MOST_SECONDS) return seconds;
  throw new ExpectedError(EXIT.usage, `--seconds: found "${text}", expected a number from 1 to ${MOST_SECONDS}`);
}

function widthOption(text: string): number {
  const width = Number(text);
  if (Number.isInteger(width) && width >= 0 && width <= 640) return width;
  throw new ExpectedError(EXIT.usage, `--thumbnails: found "${text}", expected a whole number from 0 to 640`);
}

function bytesOption(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*(B|kB|MB|GB)?$/.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(number) * ({ B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit] ?? 1));
  if (number !== "" && bytes >= 1e6 && bytes <= 2e9) return Math.max(bytes, MEBIBYTE);
  throw new ExpectedError(EXIT.usage, `--max-bytes: found "${text}", expected a size from 1MB to 2GB`);
}
