/** Numbers, times and names as people read them at a glance. */

/** @param {number} n */
export function count(n) {
  return Math.round(n).toLocaleString("en").replaceAll(",", "\u202f");
}

/** @param {number | null | undefined} n */
export function oneDigit(n) {
  return n === null || n === undefined || !Number.isFinite(n) ? "–" : n.toFixed(1);
}

/**
 * Milliseconds with their unit: "8.4 ms", "420 ms", "1.3 s"; "–" when unknown.
 * @param {number | null | undefined} ms
 */
export function latency(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
  return `${ms > 0 && ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** @param {number} bytes */
export function bytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 && unit > 1 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/**
 * The two largest units: "3 d 4 h", "2 h 5 min", "12 min", "8 s".
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return seconds < 600 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  return `${seconds} s`;
}

/**
 * "14:03:27"; with the date when it is not today's.
 * @param {number} at ms since 1970
 * @param {number} [now]
 */
export function time(at, now = Date.now()) {
  const date = new Date(at);
  const clock = date.toLocaleTimeString("en-GB");
  if (date.toDateString() === new Date(now).toDateString()) return clock;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
}

/** @param {number} n */
function two(n) {
  return String(n).padStart(2, "0");
}

/**
 * Track ids are 64 bits: a random upper half that is the same for a whole run, and a count. The count is what people tell apart.
 * @param {string} id
 */
export function trackId(id) {
  return /^\d{10,20}$/.test(id) ? String(BigInt(id) & 0xffff_ffffn) : id;
}

/**
 * The most frequent first.
 * @param {readonly { label: string }[]} objects
 * @returns {[label: string, count: number][]}
 */
export function countLabels(objects) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { label } of objects) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
}

/** @type {Readonly<Record<string, "good" | "warn" | "bad" | "">>} */
const TONES = {
  playing: "good",
  running: "good",
  connected: "good",
  ready: "good",
  done: "good",
  pass: "good",
  ok: "good",
  installed: "good",
  starting: "warn",
  waiting: "warn",
  connecting: "warn",
  stopping: "warn",
  opening: "warn",
  degraded: "warn",
  warn: "warn",
  interrupted: "warn",
  "rolled-back": "warn",
  ended: "",
  disabled: "",
  stopped: "",
  closed: "",
  idle: "",
  shadowed: "",
};

/**
 * How good a state is; states that are not known here are bad news.
 * @param {string | undefined} state
 */
export function tone(state) {
  return state === undefined || state === "" ? "" : (TONES[state] ?? "bad");
}

/** What our modules' events say, by their type; `what` is the object, `where` the zone. @type {Readonly<Record<string, (event: { what: string, where: string, direction: string, value: number | undefined }) => string>>} */
const SENTENCES = {
  appeared: ({ what }) => `${what} appeared`,
  left: ({ what, value }) => `${what} left${after(value)}`,
  "line-crossing": ({ what, where, direction, value }) =>
    `${what} crossed ${where} ${direction}${number(value, " (", ")")}`,
  "region-entered": ({ what, where, value }) => `${what} entered ${where}${number(value, " (", ")")}`,
  "region-left": ({ what, where, value }) => `${what} left ${where}${after(value)}`,
  dwell: ({ what, where, value }) => `${what} stays in ${where}${number(value, ", ", " s so far")}`,
  crowded: ({ where, value }) => `${where} is crowded${number(value, ": ", " inside")}`,
  "crowd-cleared": ({ where, value }) => `${where} is not crowded any more${after(value)}`,
  "wrong-way": ({ what, where, value }) => `${what} goes the wrong way in ${where}${number(value, " (", "° off)")}`,
};

/** @param {number | undefined} seconds */
function after(seconds) {
  return number(seconds, " after ", " s");
}

/**
 * @param {number | undefined} value
 * @param {string} before
 * @param {string} behind
 */
function number(value, before, behind) {
  return value === undefined ? "" : `${before}${Math.round(value * 10) / 10}${behind}`;
}

/**
 * One sentence of a module's event; documents of other modules are shown as they are.
 * @param {any} data
 */
export function eventText(data) {
  if (typeof data?.type !== "string") return typeof data === "string" ? data : JSON.stringify(data);
  const { type, rule, object, direction } = data;
  const what = object
    ? `${object.label || `class ${object.classId}`} ${object.id ? `#${trackId(object.id)}` : ""}`.trim()
    : "";
  const value = typeof data.value === "number" ? data.value : undefined;
  const where = rule ? `“${rule}”` : "";
  const say = SENTENCES[type];
  if (say !== undefined) return say({ what, where, direction: direction ?? "", value });
  return [what, type.replaceAll("-", " "), where, direction ?? "", number(value, "", "")]
    .filter((part) => part !== "")
    .join(" ");
}
