/** The terminal view as lines of text: a pure function of the status and the size. */
import { formatEntry } from "../../log/entry.ts";
import type { CameraView, ProcessView, Status } from "../../supervisor/status.ts";
import { shortTrackId } from "../../supervisor/track-id.ts";
import { clock, count, countLabels, megabytes, milliseconds, sparkline } from "./format.ts";
import { cell, clip, type Palette, palette, printable } from "./style.ts";

export interface ViewOptions {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  /** Lines of the log; those that fit are shown. */
  readonly logLines: number;
  /** Show which keys there are. */
  readonly keys: boolean;
  /** Frames per second of each camera over the last seconds, oldest first. */
  readonly history?: ReadonlyMap<string, readonly number[]>;
  /** Ends by itself after this, milliseconds from the start. */
  readonly durationMs?: number | undefined;
  /** Stopping has begun. */
  readonly stopping?: boolean;
}

/** At most `rows` lines of at most `columns` columns. */
export function renderView(status: Status, options: ViewOptions): string[] {
  const paint = palette(options.color);
  const fixed = [
    ...header(status, options, paint),
    "",
    ...cameraLines(status, options, paint),
    "",
    ...engineLines(status, paint),
    ...processLines(status.processes, paint),
  ];
  const footer = options.keys ? [keyLine(options, paint)] : [];
  const room = options.rows - fixed.length - footer.length - 2;
  const log = logLines(status, Math.min(options.logLines, room), options, paint);
  const body = [...fixed, ...log].slice(0, options.rows - footer.length);
  const gap = options.keys ? Array<string>(Math.max(0, options.rows - body.length - footer.length)).fill("") : [];
  return [...body, ...gap, ...footer].map((line) => clip(line, options.columns));
}

function header(status: Status, options: ViewOptions, paint: Palette): string[] {
  const left = ` ${paint.accent("◗")} ${paint.bold("Nightjar")} ${paint.dim(status.version)}  ${status.device.name}`;
  const limit = options.durationMs === undefined ? "" : paint.dim(` of ${clock(options.durationMs)}`);
  const engine = status.gstreamer === "" ? "" : paint.dim(`  ${status.profile} · GStreamer ${status.gstreamer}`);
  const time = `${paint.dim("up")} ${clock(status.uptimeMs)}${limit}`;
  const address = status.console === null ? paint.dim("off") : paint.accent(status.console);
  return [`${left}${engine}  ${time}`, ` ${paint.head("console")} ${address}`, ` ${brokerText(status, paint)}`];
}

function brokerText({ broker, totals }: Status, paint: Palette): string {
  const dot =
    broker.state === "connected" ? paint.good("●") : broker.state === "connecting" ? paint.warn("◌") : paint.bad("●");
  const kind = broker.embedded ? paint.dim(" (embedded)") : broker.insecure ? paint.bad(" (insecure)") : "";
  const state =
    broker.state === "connected" ? "" : ` ${paint.warn(broker.state)} ${paint.dim(printable(broker.reason))}`;
  const figures = [`${count(broker.published)} sent`, `${count(broker.acknowledged)} acknowledged`];
  if (broker.queued > 0) figures.push(`${count(broker.queued)} waiting`);
  if (broker.dropped > 0) figures.push(paint.bad(`${count(broker.dropped)} dropped`));
  if (broker.alarm !== "") figures.push(paint.bad(printable(broker.alarm)));
  if (broker.outbox.problem !== "") figures.push(paint.bad("in memory only: the disk does not work"));
  const rate = `${totals.messagesPerSecond.toFixed(1)}/s`;
  return `${paint.head("broker")}  ${dot} ${broker.url}${kind}${state}  ${figures.join(", ")} ${paint.dim(rate)}`;
}

const NAME_COLUMNS = 16;
const SPARK_COLUMNS = 12;

/** From this width on there is room for the course of the frame rate. */
const WIDE = 100;

function cameraLines(status: Status, options: ViewOptions, paint: Palette): string[] {
  const wide = options.columns >= WIDE;
  const spark = wide ? ` ${cell("", SPARK_COLUMNS)}` : "";
  const head = ` ${cell("CAMERA", NAME_COLUMNS)} ${cell("STATE", 10)} ${cell("FPS", 5, "right")}${spark} ${cell("p50", 5, "right")} ${cell("p99", 6, "right")} ${cell("EV/s", 5, "right")} ${cell("IDS", 5, "right")}  OBJECTS`;
  const lines = status.cameras.flatMap((camera) => cameraLine(camera, options, paint));
  const empty = paint.dim("   no cameras; add one with: nightjar camera add ID URI");
  return [paint.head(head), ...(lines.length === 0 ? [empty] : lines), totalLine(status, wide, paint)];
}

function cameraLine(camera: CameraView, options: ViewOptions, paint: Palette): string[] {
  const wide = options.columns >= WIDE;
  const history = options.history?.get(camera.id) ?? [];
  const columns = [
    paint.bold(cell(printable(camera.name), NAME_COLUMNS)),
    statePaint(camera.state, paint)(cell(`${stateMark(camera.state)} ${camera.state}`, 10)),
    cell(camera.fps.toFixed(1), 5, "right"),
    ...(wide ? [paint.accent(sparkline(history, SPARK_COLUMNS))] : []),
    cell(milliseconds(camera.latency.p50), 5, "right"),
    cell(milliseconds(camera.latency.p99), 6, "right"),
    cell(camera.eventsPerSecond.toFixed(1), 5, "right"),
    cell(count(camera.ids), 5, "right"),
  ];
  const reason = camera.reason === "" ? [] : [`   ${paint.dim("└")} ${paint.dim(printable(camera.reason))}`];
  return [` ${columns.join(" ")}  ${objectsText(camera, paint)}`, ...reason];
}

/** "5  car 3  person 2  #12 #14 #15": as much as the line has room for. */
function objectsText(camera: CameraView, paint: Palette): string {
  if (camera.objects.length === 0) return paint.dim("–");
  const labels = countLabels(camera.objects.map(({ label }) => printable(label)));
  const ids = camera.objects.filter(({ id }) => id !== "").map(({ id }) => `#${printable(shortTrackId(id))}`);
  return `${labels}${ids.length === 0 ? "" : `  ${paint.dim(ids.join(" "))}`}`;
}

function totalLine({ totals, cameras }: Status, wide: boolean, paint: Palette): string {
  const playing = cameras.filter(({ state }) => state === "playing").length;
  const spark = wide ? ` ${cell("", SPARK_COLUMNS)}` : "";
  const ids = cameras.reduce((sum, camera) => sum + camera.ids, 0);
  const objects = cameras.reduce((sum, camera) => sum + camera.objects.length, 0);
  const figures = ` ${cell("all", NAME_COLUMNS)} ${cell(`${playing}/${cameras.length}`, 10)} ${cell(totals.fps.toFixed(1), 5, "right")}${spark} ${cell(milliseconds(totals.latency.p50), 5, "right")} ${cell(milliseconds(totals.latency.p99), 6, "right")} ${cell(totals.eventsPerSecond.toFixed(1), 5, "right")} ${cell(count(ids), 5, "right")}  ${objects}`;
  return paint.dim(figures);
}

function engineLines({ links }: Status, paint: Palette): string[] {
  if (links.length === 0) return [];
  const parts = links.map((link) => {
    const mark = link.state === "ready" ? paint.good("●") : paint.warn("◌");
    const times = [link.engineMs, link.moduleMs]
      .filter(({ p50 }) => p50 > 0)
      .map(({ p50 }) => `${milliseconds(p50)} ms`);
    return `${mark} ${printable(link.bundle || link.instance)} ${paint.dim(times.join(" + "))}`;
  });
  return [` ${paint.head("inference")} ${parts.join("  ")}`, ""];
}

function processLines(processes: readonly ProcessView[], paint: Palette): string[] {
  const head = ` ${cell("PROCESS", NAME_COLUMNS)} ${cell("STATE", 10)} ${cell("PID", 7, "right")} ${cell("CPU", 6, "right")} ${cell("MEMORY", 8, "right")} ${cell("RESTARTS", 9, "right")}`;
  return [paint.head(head), ...processes.map((process) => processLine(process, paint))];
}

function processLine({ name, state, reason, pid, cpu, residentBytes, restarts }: ProcessView, paint: Palette): string {
  const figures = [
    cell(name, NAME_COLUMNS),
    statePaint(state, paint)(cell(`${stateMark(state)} ${state}`, 10)),
    paint.dim(cell(pid === null ? "–" : String(pid), 7, "right")),
    cell(pid === null ? "–" : `${Math.round(cpu * 100)} %`, 6, "right"),
    cell(pid === null ? "–" : megabytes(residentBytes), 8, "right"),
    (restarts > 0 ? paint.warn : paint.dim)(cell(String(restarts), 9, "right")),
  ];
  return ` ${figures.join(" ")}${reason === "" ? "" : `  ${paint.dim(printable(reason))}`}`;
}

function logLines({ log }: Status, lines: number, { color }: ViewOptions, paint: Palette): string[] {
  if (lines <= 0 || log.length === 0) return [];
  const entries = log.slice(-lines).map((entry) => {
    const safe = { ...entry, message: printable(entry.message), fields: {} };
    return ` ${formatEntry(safe, color)}`;
  });
  return ["", paint.head(" LOG"), ...entries];
}

function keyLine({ stopping }: ViewOptions, paint: Palette): string {
  if (stopping === true)
    return ` ${paint.warn("stopping …")}  ${paint.bold("Ctrl-C")} ${paint.dim("again ends it at once")}`;
  const key = (name: string, meaning: string) => `${paint.bold(name)} ${paint.dim(meaning)}`;
  return ` ${key("q", "quit")}   ${key("l", "more or less log")}   ${key("r", "redraw")}`;
}

function stateMark(state: string): string {
  if (state === "playing" || state === "running") return "●";
  if (state === "ended" || state === "stopped" || state === "disabled") return "○";
  return state === "starting" || state === "stopping" || state === "waiting" ? "◌" : "✖";
}

function statePaint(state: string, paint: Palette): (text: string) => string {
  if (state === "playing" || state === "running") return paint.good;
  if (state === "ended" || state === "stopped" || state === "disabled") return paint.dim;
  return state === "starting" || state === "stopping" || state === "waiting" ? paint.warn : paint.bad;
}
