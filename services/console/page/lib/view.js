/** What every view is given, and the pieces that all of them have. */
import { messageOf } from "./api.js";
import { h } from "./dom.js";

/**
 * @typedef {{
 *   store: import("./store.js").Store,
 *   pictures: import("./pictures.js").Pictures,
 *   signal: AbortSignal,
 *   canChange: boolean,
 *   session: import("./store.js").Session,
 * }} Context
 * signal: ends with the view; canChange: the person may change things, else no control that does is shown
 * @typedef {{ route?: (parts: readonly string[]) => boolean }} Mounted
 * route: another place of the same view; false: it has to be made anew
 * @typedef {{ mount(root: HTMLElement, context: Context, parts: readonly string[]): Mounted | void | Promise<Mounted | void> }} View
 */

/**
 * @param {string} title
 * @param {...(Node | null)} actions
 */
export function viewHead(title, ...actions) {
  const heading = h("h1", { tabIndex: -1 }, title);
  document.title = `${title} – Nightjar`;
  return h("div", { class: "view-head" }, heading, h("div", { class: "actions" }, ...actions));
}

/**
 * @param {string} title
 * @param {...(Node | string | null)} content
 */
export function panel(title, ...content) {
  return h("section", { class: "panel" }, title === "" ? null : h("h2", null, title), ...content);
}

/**
 * Nothing is there: what that means, and what to do.
 * @param {string} title
 * @param {string} text
 * @param {...Node} actions
 */
export function empty(title, text, ...actions) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", null, text), ...actions);
}

/**
 * Fetches what a place needs and shows it; says when it takes long and when it fails, and offers to try again.
 * @template Data
 * @param {HTMLElement} target
 * @param {() => Promise<Data>} load
 * @param {(data: Data) => void} show
 */
export async function fill(target, load, show) {
  target.ariaBusy = "true";
  if (target.childElementCount === 0) target.append(h("p", { class: "waiting" }, "Loading …"));
  try {
    const data = await load();
    if (target.querySelector(":scope > .waiting, :scope > .failure")) target.replaceChildren();
    show(data);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return;
    const again = h("button", { class: "button", type: "button" }, "Try again");
    again.addEventListener("click", () => {
      target.replaceChildren();
      void fill(target, load, show);
    });
    target.replaceChildren(h("div", { class: "failure", role: "alert" }, h("p", null, messageOf(error)), again));
  } finally {
    target.ariaBusy = null;
  }
}

/**
 * Name and value, as in `<dl>`; `set` changes values by their key.
 * @param {readonly (readonly [key: string, label: string, title?: string])[]} entries
 * @param {string} [className]
 */
export function figures(entries, className = "figures") {
  const values = new Map(entries.map(([key]) => [key, h("dd", null, "–")]));
  const element = h(
    "dl",
    { class: className },
    ...entries.map(([key, label, title]) => h("div", { title }, h("dt", null, label), values.get(key))),
  );
  /** @param {Record<string, string | number>} texts */
  const set = (texts) => {
    for (const [key, text] of Object.entries(texts)) {
      const value = values.get(key);
      if (value !== undefined && value.textContent !== String(text)) value.textContent = String(text);
    }
  };
  return { element, set };
}

/**
 * A state as a word with a coloured dot.
 * @param {string} text
 * @param {string} tone
 */
export function dot(text, tone) {
  return h("span", { class: "dot", data: { tone } }, text);
}

/**
 * A table that scrolls by itself where it does not fit; headings and cells in the same order. "#" before a heading: numbers.
 * @param {string} label
 * @param {readonly string[]} headings
 */
export function table(label, headings) {
  const body = h("tbody");
  const head = headings.map((text) =>
    h("th", { scope: "col", class: text.startsWith("#") ? "number" : "" }, text.replace(/^#/, "")),
  );
  const element = h(
    "div",
    { class: "table", role: "region", "aria-label": label, tabIndex: 0 },
    h("table", null, h("thead", null, h("tr", null, ...head)), body),
  );
  return { element, body };
}
