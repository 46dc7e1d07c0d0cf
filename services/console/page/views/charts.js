/** The course of the last minutes: all cameras beside each other, and the latency of one or all. */

import { LINE_COLORS, timeChart } from "../lib/chart.js";
import { h } from "../lib/dom.js";
import { count, latency, oneDigit } from "../lib/format.js";
import { followHistory } from "../lib/history.js";
import { empty, fill, viewHead } from "../lib/view.js";
import { latencyLines } from "../parts/camera-course.js";

/** @import { Context } from "../lib/view.js" */
/** @import { History } from "../lib/history.js" */

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
export function mount(root, { store, signal }) {
  const body = h("div", { class: "charts" });
  root.append(viewHead("Charts"), body);
  const nameOf = (/** @type {string} */ id) => store.status?.cameras.find((camera) => camera.id === id)?.name ?? id;
  const charts = {
    fps: timeChart("Frames per second", oneDigit, signal),
    latency: timeChart("Latency from capture to publish, all cameras", latency, signal),
    cameras: timeChart("Latency p99 by camera", latency, signal),
    objects: timeChart("Objects in the picture", oneDigit, signal),
    messages: timeChart("Messages per second", oneDigit, signal),
    queued: timeChart("Messages that wait for the broker", (value) => (value === null ? "–" : count(value)), signal),
  };
  const elements = Object.values(charts).map(({ element }) => element);
  let isShown = false;
  const show = (/** @type {History} */ history) => {
    if (history.times.length < 2) {
      body.replaceChildren(empty("No course yet", "The first points come within seconds of the start."));
      isShown = false;
      return;
    }
    if (!isShown) body.replaceChildren(...elements);
    isShown = true;
    const { times, cameras, totals } = history;
    const ids = Object.keys(cameras);
    const byCamera = ids.map((id, i) => ({
      label: nameOf(id),
      color: LINE_COLORS[i % LINE_COLORS.length] ?? "--line-1",
    }));
    const columns = (/** @type {string} */ name) => ids.map((id) => cameras[id]?.[name] ?? []);
    charts.fps.show(byCamera, times, columns("fps"));
    charts.latency.show(
      latencyLines,
      times,
      ["p50", "p95", "p99"].map((name) => totals[name] ?? []),
    );
    charts.cameras.show(byCamera, times, columns("p99"));
    charts.objects.show(byCamera, times, columns("objects"));
    charts.messages.show([{ label: "messages/s", color: "--line-1", isArea: true }], times, [
      totals["messagesPerSecond"] ?? [],
    ]);
    charts.queued.show([{ label: "waiting", color: "--line-3", isArea: true }], times, [totals["queued"] ?? []]);
  };
  void fill(
    body,
    () => followHistory(show, signal),
    () => undefined,
  );
}
