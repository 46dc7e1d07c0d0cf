/** One element of the pipeline: the bundle that serves it, the change that is under way, how the last one ended. */
import { path, post } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { h, setAttribute, setText } from "../lib/dom.js";
import { duration, time, tone } from "../lib/format.js";
import { act, say } from "../lib/notice.js";
import { activateBundle } from "./activate-bundle.js";
import { editParameters } from "./parameters.js";
import { shadowReport } from "./shadow-report.js";

/** @import { BundleView, ElementView } from "../../../supervisor/deployments/control.ts" */

/** @typedef {{ canChange: boolean, signal: AbortSignal, changed(): void }} BundleContext */

/** The steps of a change that goes well, in their order. */
const STEPS = [
  ["prepare", "Load and check"],
  ["shadow", "Shadow run"],
  ["activate", "Switch"],
  ["probation", "Probation"],
  ["settle", "Settled"],
];
/** @type {Readonly<Record<string, string>>} */
const BACKWARDS = { discard: "Giving it up", rollback: "Going back" };
/** @type {Readonly<Record<string, string>>} */
const ENDS = {
  done: "serves",
  refused: "was refused",
  "rolled-back": "was rolled back",
  interrupted: "was interrupted",
  shadowed: "was compared",
};
/** @type {Readonly<Record<string, string>>} */
const TITLES = { infer: "Detector", tracker: "Tracker", zones: "Zones" };

/**
 * @param {ElementView} first
 * @param {BundleContext} context
 * @param {() => readonly BundleView[]} bundles
 */
export function elementCard(first, context, bundles) {
  const { element: name } = first;
  const active = h("p", { class: "active-bundle" });
  const configured = h("span", { class: "tag" }, "as configured");
  const steps = h("ol", { class: "steps" });
  // Read out at each step; the seconds beside it are not.
  const change = h("span", { role: "status" });
  const since = h("span", { class: "soft" });
  const last = h("div", { class: "last" });
  const back = h("button", { class: "button", type: "button" }, "Roll back");
  const actions = h("div", { class: "actions" }, ...buttons(name, context, bundles), back);
  const element = h(
    "section",
    { class: "panel element", data: { element: name } },
    h(
      "div",
      { class: "panel-head" },
      h("h2", null, TITLES[name] ?? name, h("span", { class: "soft mono" }, ` ${name}`)),
      configured,
    ),
    active,
    h("p", { class: "change line" }, change, since),
    steps,
    last,
    context.canChange ? actions : null,
  );
  let view = first;
  back.addEventListener("click", () => void act(back, () => rollBack(view, context)));
  let shownLast = "";
  const update = (/** @type {ElementView} */ next) => {
    view = next;
    setText(active, next.active);
    configured.hidden = !next.isConfigured;
    back.hidden = next.previous === null;
    if (next.previous !== null)
      setText(back, next.change === null ? `Roll back to ${next.previous}` : "Give the change up");
    showChange(change, since, steps, next);
    const key = JSON.stringify(next.last);
    if (key !== shownLast) last.replaceChildren(...lastChange(next));
    shownLast = key;
  };
  return { element, update };
}

/**
 * @param {HTMLElement} text
 * @param {HTMLElement} since
 * @param {HTMLElement} steps
 * @param {ElementView} view
 */
function showChange(text, since, steps, { change }) {
  steps.hidden = change === null;
  setText(since, change === null ? "" : `for ${duration(Date.now() - change.since)}`);
  if (change === null) {
    setText(text, "");
    return;
  }
  const backwards = BACKWARDS[change.step];
  const at = STEPS.findIndex(([step]) => step === change.step);
  const word = backwards ?? STEPS[at]?.[1] ?? change.step;
  setText(text, `${change.bundle}: ${word.toLowerCase()}${change.reason === "" ? "" : ` (${change.reason})`}`);
  steps.hidden = backwards !== undefined;
  if (steps.childElementCount === 0) steps.append(...STEPS.map(([, title]) => h("li", null, title)));
  for (const [i, element] of [...steps.children].entries()) {
    if (element instanceof HTMLElement) element.dataset["state"] = i < at ? "done" : i === at ? "now" : "later";
    setAttribute(element, "aria-current", i === at ? "step" : undefined);
  }
}

/**
 * @param {ElementView} view
 * @returns {Node[]}
 */
function lastChange({ last }) {
  if (last === null) return [];
  const words = `${last.bundle} ${ENDS[last.end] ?? last.end}, ${time(last.at)}`;
  const line = h("p", null, h("span", { class: "dot", data: { tone: tone(last.end) } }, words));
  const reason = last.reason === "" ? [] : [h("p", { class: "soft reason-text" }, last.reason)];
  const report = last.shadow === null ? [] : [shadowReport(last.shadow)];
  return [line, ...reason, ...report];
}

/**
 * @param {string} element
 * @param {BundleContext} context
 * @param {() => readonly BundleView[]} bundles
 */
function buttons(element, context, bundles) {
  const other = h("button", { class: "button", type: "button" }, "Activate a bundle …");
  other.addEventListener("click", () => activateBundle(element, bundles(), context));
  const parameters = h("button", { class: "button", type: "button" }, "Thresholds …");
  parameters.addEventListener("click", () => void act(parameters, () => editParameters(element, context)));
  return [other, parameters];
}

/**
 * @param {ElementView} view
 * @param {BundleContext} context
 */
async function rollBack({ element, previous, change }, { changed }) {
  const text =
    change === null
      ? `${previous} serves again at the next batch, without a gap in the video.`
      : "The change ends, and what served before stays or comes back.";
  const title = change === null ? `Roll back to ${previous}?` : `Give up ${change.bundle}?`;
  if (!(await ask({ title, text, action: change === null ? "Roll back" : "Give it up" }))) return;
  await post(path`/api/elements/${element}/rollback`);
  say("Going back has begun.");
  changed();
}
