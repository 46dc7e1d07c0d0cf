/** Our processes, and the elements that the postprocess process serves. */
import { h, setText, setTexts, showList } from "../lib/dom.js";
import { bytes, latency, oneDigit, percent, tone } from "../lib/format.js";
import { panel, table } from "../lib/view.js";

/** @import { ProcessView } from "../../../supervisor/status.ts" */
/** @import { LinkStatus } from "../../../postprocess/messages.ts" */
/** @import { PageStatus } from "../lib/store.js" */

export function processPanel() {
  const processes = table("Processes", ["Process", "State", "#CPU", "#Memory", "#Restarts"]);
  const links = table("Elements", ["Element", "Bundle", "#Frames/s", "#Engine p50", "#Module p50"]);
  const element = panel("Processes", processes.element, h("h3", null, "Elements"), links.element);
  /** @param {PageStatus} status */
  const show = (status) => {
    showList(processes.body, status.processes, ({ name }) => name, processRow);
    showList(links.body, status.links, ({ instance }) => instance, linkRow);
  };
  return { element, show };
}

/** @param {ProcessView} first */
function processRow({ name }) {
  const state = h("span", { class: "dot" });
  const cells = [0, 1, 2].map(() => h("td", { class: "number" }));
  const element = h("tr", null, h("th", { scope: "row" }, name), h("td", null, state), ...cells);
  const update = (/** @type {ProcessView} */ next) => {
    setText(state, next.state);
    state.dataset["tone"] = tone(next.state);
    state.title = next.reason;
    setTexts(cells, [percent(next.cpu), bytes(next.residentBytes), String(next.restarts)]);
  };
  return { element, update };
}

/** @param {LinkStatus} first */
function linkRow({ instance }) {
  const bundle = h("span", { class: "dot" });
  const cells = [0, 1, 2].map(() => h("td", { class: "number" }));
  const element = h("tr", null, h("th", { scope: "row" }, instance), h("td", null, bundle), ...cells);
  const update = (/** @type {LinkStatus} */ next) => {
    setText(bundle, next.bundle || next.state);
    bundle.dataset["tone"] = tone(next.state);
    bundle.title = next.state;
    const ms = (/** @type {number} */ value) => (value > 0 ? latency(value) : "–");
    setTexts(cells, [oneDigit(next.framesPerSecond), ms(next.engineMs.p50), ms(next.moduleMs.p50)]);
  };
  return { element, update };
}
