/** One log line as data, and as text for people. */

/** What one line says. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: "error" | "warn" | "info" | "debug" | "trace";
  readonly message: string;
  /** Everything else of the line: camera, process, pid, … */
  readonly fields: Readonly<Record<string, unknown>>;
}

const LEVELS: Record<number, LogEntry["level"]> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "error",
};
const COLORS: Record<LogEntry["level"], string> = { error: "31", warn: "33", info: "32", debug: "2", trace: "2" };

/** The entry behind a line of pino's JSON; undefined when the line is something else. */
export function toEntry(line: string): LogEntry | undefined {
  try {
    const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    return {
      time: Date.parse(String(time)),
      level: LEVELS[Number(level)] ?? "info",
      message: typeof msg === "string" ? msg : "",
      fields,
    };
  } catch {
    return undefined;
  }
}

/** "12:03:45.120 warn  camera crossing is stalled (camera=crossing)" in local time. */
export function formatEntry(entry: LogEntry, color: boolean): string {
  const paint = (code: string, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const rest = Object.entries(entry.fields)
    .map(([key, value]) => `${key}=${fieldText(value)}`)
    .join(" ");
  const level = paint(COLORS[entry.level], entry.level.padEnd(5));
  return `${paint("2", clockText(entry.time))} ${level} ${entry.message}${rest === "" ? "" : ` ${paint("2", rest)}`}`;
}

/** HH:MM:SS.mmm, local time. */
export function clockText(time: number): string {
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  const milliseconds = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`;
}

function fieldText(value: unknown): string {
  if (typeof value === "string") return /\s/.test(value) ? JSON.stringify(value) : value;
  if (typeof value === "object" && value !== null && "message" in value) return JSON.stringify(value.message);
  return JSON.stringify(value) ?? "";
}
