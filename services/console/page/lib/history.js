/** The course of the last minutes, as the server keeps it: fetched once, then what has come since. */
import { get } from "./api.js";

/** @import { HistoryView } from "../../../control/history.ts" */

/** @typedef {readonly (number | null)[]} Column */
/** The server's view, with columns by any name. @typedef {Pick<HistoryView, "stepMs" | "times"> & { cameras: Record<string, Record<string, Column>>, totals: Record<string, Column> }} History */

/** As many points as the server keeps. */
const MOST_POINTS = 300;
const POLL_MS = 4000;

/**
 * Calls back with the course, and again whenever there is more of it, until the signal ends it. Nothing is fetched for a page that nobody sees.
 * @param {(history: History) => void} show
 * @param {AbortSignal} signal
 */
export async function followHistory(show, signal) {
  let history = /** @type {History} */ (await get("/api/history", signal));
  show(history);
  const timer = setInterval(() => void more(), POLL_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  const more = async () => {
    if (document.visibilityState !== "visible") return;
    // A request that failed: the banner says so already, and the next one is soon.
    const next = await get(`/api/history?since=${history.times.at(-1) ?? 0}`, signal).catch(() => undefined);
    if (next === undefined || next.times.length === 0 || signal.aborted) return;
    history = joined(history, next);
    show(history);
  };
}

/**
 * @param {History} before
 * @param {History} next
 * @returns {History}
 */
export function joined(before, next) {
  const had = before.times.length;
  const came = next.times.length;
  const column = (/** @type {Column | undefined} */ old, /** @type {Column | undefined} */ fresh) =>
    [...(old ?? Array(had).fill(null)), ...(fresh ?? Array(came).fill(null))].slice(-MOST_POINTS);
  const table = (/** @type {Record<string, Column>} */ old = {}, /** @type {Record<string, Column>} */ fresh = {}) =>
    Object.fromEntries(Object.keys({ ...old, ...fresh }).map((name) => [name, column(old[name], fresh[name])]));
  // A camera that was removed goes; one that is new has no past.
  const cameras = Object.fromEntries(
    Object.entries(next.cameras).map(([id, columns]) => [id, table(before.cameras[id], columns)]),
  );
  const times = [...before.times, ...next.times].slice(-MOST_POINTS);
  return { stepMs: next.stepMs, times, cameras, totals: table(before.totals, next.totals) };
}

/**
 * The last value of a column that is known.
 * @param {Column | undefined} column
 */
export function latest(column) {
  return column?.findLast((value) => value !== null) ?? null;
}
