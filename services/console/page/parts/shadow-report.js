/** What a shadow run found: the candidate beside what served, on the same frames. */
import { h } from "../lib/dom.js";
import { count, duration, latency, percent } from "../lib/format.js";
import { figures, table } from "../lib/view.js";

/** @import { ShadowReport } from "../../../postprocess/shadow.ts" */

/** @param {ShadowReport} report */
export function shadowReport(report) {
  const numbers = figures(
    [
      ["agreement", "agreement", "Share of all objects that both found"],
      ["frames", "frames compared"],
      ["live", "running one, p50 / p99"],
      ["candidate", "candidate, p50 / p99"],
      ["failed", "failed batches"],
    ],
    "figures small",
  );
  const times = ({ p50, p99 } = { p50: 0, p99: 0 }) => `${latency(p50)} / ${latency(p99)}`;
  numbers.set({
    agreement: `${(report.agreement * 100).toFixed(1)} %`,
    frames: `${count(report.frames)} in ${duration(report.ms)}`,
    live: times(report.latency.live),
    candidate: times(report.latency.candidate),
    failed: count(report.failed),
  });
  const classes = table("Agreement by class", ["Class", "#Now", "#Candidate", "#In both", "#Overlap"]);
  for (const { label, live, candidate, matched, iou } of report.classes) {
    const cells = [count(live), count(candidate), count(matched), percent(iou)];
    classes.body.append(
      h("tr", null, h("th", { scope: "row" }, label), ...cells.map((text) => h("td", { class: "number" }, text))),
    );
  }
  const error = report.lastError === "" ? null : h("p", { class: "trouble" }, report.lastError);
  const byClass = h("details", null, h("summary", null, "By class"), classes.element);
  return h(
    "section",
    { class: "report", "aria-label": "Shadow report" },
    h("h3", null, "Shadow report"),
    numbers.element,
    error,
    report.classes.length > 0 ? byClass : null,
  );
}
