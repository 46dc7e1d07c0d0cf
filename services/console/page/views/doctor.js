/** What Nightjar depends on: whether it is there, and how to mend it. */
import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { duration, time } from "../lib/format.js";
import { act } from "../lib/notice.js";
import { fill, panel, viewHead } from "../lib/view.js";
import { systemTabs } from "../parts/system-tabs.js";

/** @import { DoctorReport } from "../../../control/doctor-report.ts" */
/** @import { Context } from "../lib/view.js" */

const TONES = { ok: "good", warning: "warn", missing: "bad" };

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
export function mount(root, { signal }) {
  const again = h("button", { class: "button", type: "button" }, "Look again");
  const body = h("div", { class: "stack" });
  root.append(viewHead("Doctor", again), systemTabs(), body);
  const load = () => get("/api/doctor", signal);
  const show = (/** @type {DoctorReport} */ report) =>
    body.replaceChildren(verdict(report), ...report.groups.map(group));
  again.addEventListener("click", () => void act(again, async () => show(await load())));
  body.append(h("p", { class: "waiting" }, "Looking at everything that Nightjar needs; this takes some seconds …"));
  void fill(body, load, show);
}

/** @param {DoctorReport} report */
function verdict({ at, durationMs, healthy, missing, warnings }) {
  const words = healthy
    ? "Nothing that Nightjar needs is missing"
    : missing === 1
      ? "One thing is missing"
      : `${missing} things are missing`;
  const more = warnings === 0 ? "" : `, ${warnings === 1 ? "one warning" : `${warnings} warnings`}`;
  return h(
    "p",
    { class: "verdict", role: "status" },
    h("span", { class: "dot", data: { tone: healthy ? (warnings > 0 ? "warn" : "good") : "bad" } }, `${words}${more}.`),
    h("span", { class: "soft" }, ` ${time(at)}, took ${duration(durationMs)}`),
  );
}

/** @param {DoctorReport["groups"][number]} group */
function group({ title, findings }) {
  const rows = findings.map(({ name, status, found, remedy }) =>
    h(
      "li",
      null,
      h(
        "span",
        { class: "dot", data: { tone: TONES[status] } },
        h("span", { class: "visually-hidden" }, `${status}: `),
        name,
      ),
      h("span", { class: "soft" }, found),
      remedy === "" ? null : h("p", { class: "remedy" }, remedy),
    ),
  );
  return panel(title, h("ul", { class: "findings" }, ...rows));
}
