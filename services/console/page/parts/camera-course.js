/** The course of one camera over the last minutes. */

import { timeChart } from "../lib/chart.js";
import { h } from "../lib/dom.js";
import { latency, oneDigit } from "../lib/format.js";
import { followHistory } from "../lib/history.js";
import { fill } from "../lib/view.js";

/** @import { CameraContext } from "../views/camera.js" */
/** @import { History } from "../lib/history.js" */

export const latencyLines = [
  { label: "p50", color: "--line-1" },
  { label: "p95", color: "--line-2" },
  { label: "p99", color: "--line-3" },
];

/**
 * @param {HTMLElement} root
 * @param {CameraContext} context
 */
export function mountPanel(root, { camera, signal }) {
  const body = h("div", { class: "charts single" });
  root.append(body);
  const frames = timeChart("Frames per second", oneDigit, signal);
  const times = timeChart("Latency from capture to publish", latency, signal);
  const show = (/** @type {History} */ history) => {
    const own = history.cameras[camera.id] ?? {};
    if (frames.element.parentElement === null) body.replaceChildren(frames.element, times.element);
    const columns = (/** @type {string[]} */ ...names) =>
      names.map((name) => own[name] ?? history.times.map(() => null));
    const lines = [
      { label: "decoded", color: "--line-1" },
      { label: "looked at", color: "--line-2" },
    ];
    frames.show(lines, history.times, columns("fps", "inferred"));
    times.show(latencyLines, history.times, columns("p50", "p95", "p99"));
  };
  void fill(
    body,
    () => followHistory(show, signal),
    () => undefined,
  );
}
