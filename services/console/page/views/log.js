/** The log as it grows, the newest line last. */
import { messageOf, post } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { input, select } from "../lib/form.js";
import { say } from "../lib/notice.js";
import { viewHead } from "../lib/view.js";
import { systemTabs } from "../parts/system-tabs.js";

/** @import { LogEntry } from "../../../log/entry.ts" */
/** @import { Context } from "../lib/view.js" */

/** The most important first. */
const LEVELS = /** @type {const} */ (["error", "warn", "info", "debug", "trace"]);
const SHOWN = 500;
/** Nearer to the end than this, the list follows it. Pixels. */
const AT_END = 40;

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
export function mount(root, { store, signal, canChange }) {
  const least = select(
    "level",
    LEVELS.map((level) => [level, level === "trace" ? "everything" : `${level} and worse`]),
    "info",
  );
  least.ariaLabel = "Least important level that is shown";
  const search = input("search", { type: "search", placeholder: "Find …", "aria-label": "Find in the log" });
  const list = h("ol");
  const frame = h("div", { class: "log", tabIndex: 0, role: "region", "aria-label": "Log, newest last" }, list);
  root.append(viewHead("Log", search, least, canChange ? levelButton() : null), systemTabs(), frame);
  const isShown = (/** @type {LogEntry} */ entry) => {
    const wanted = search.value.trim().toLowerCase();
    return (
      LEVELS.indexOf(entry.level) <= LEVELS.indexOf(/** @type {typeof LEVELS[number]} */ (least.value)) &&
      (wanted === "" || lineText(entry).toLowerCase().includes(wanted))
    );
  };
  const showAll = () => {
    list.replaceChildren(...store.log.filter(isShown).slice(-SHOWN).map(line));
    if (list.childElementCount === 0) list.append(h("li", { class: "soft none" }, "Nothing of this kind yet."));
    frame.scrollTop = frame.scrollHeight;
  };
  const add = (/** @type {LogEntry} */ entry) => {
    if (!isShown(entry)) return;
    const follows = frame.scrollHeight - frame.scrollTop - frame.clientHeight < AT_END;
    list.querySelector(":scope > .none")?.remove();
    list.append(line(entry));
    while (list.childElementCount > SHOWN) list.firstElementChild?.remove();
    if (follows) frame.scrollTop = frame.scrollHeight;
  };
  least.addEventListener("change", showAll);
  search.addEventListener("input", showAll);
  showAll();
  store.on("log", add, signal);
  store.on("restart", showAll, signal);
}

/** @param {LogEntry} entry */
function line(entry) {
  const fields = fieldsText(entry);
  return h(
    "li",
    { data: { level: entry.level } },
    h("time", { dateTime: new Date(entry.time).toISOString() }, new Date(entry.time).toLocaleTimeString("en-GB")),
    h("b", null, entry.level),
    h("span", null, entry.message, fields === "" ? null : h("span", { class: "soft" }, ` ${fields}`)),
  );
}

/** @param {LogEntry} entry */
function lineText(entry) {
  return `${entry.level} ${entry.message} ${fieldsText(entry)}`;
}

/** @param {LogEntry} entry */
function fieldsText({ fields }) {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

/** What is logged at all: a setting of the device, not of this page. */
function levelButton() {
  const level = select("logged", [
    ["", "Log from now on …"],
    ...LEVELS.map((name) => /** @type {const} */ ([name, name])),
  ]);
  level.ariaLabel = "Least important level that is logged from now on";
  level.addEventListener("change", async () => {
    const chosen = level.value;
    level.value = "";
    if (chosen === "") return;
    try {
      await post("/api/log-level", { level: chosen });
      say(`From now on, ${chosen} and worse is logged, also after a restart.`);
    } catch (error) {
      say(messageOf(error), "bad");
    }
  });
  return level;
}
