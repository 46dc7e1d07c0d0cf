/** The frame around the views: navigation, the line that says how it goes, and who is there. */
import { h, setAttribute, setText } from "../lib/dom.js";
import { latency, oneDigit } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { act } from "../lib/notice.js";
import { href, place } from "../lib/router.js";
import { nextTheme, setTheme, theme } from "../lib/theme.js";

/** @import { PageStatus, Session, Store } from "../lib/store.js" */
/** @import { IconName } from "../lib/icons.js" */

/** @type {readonly { name: string, title: string, icon: IconName, also?: readonly string[] }[]} */
const ENTRIES = [
  { name: "cameras", title: "Cameras", icon: "cameras", also: ["camera"] },
  { name: "events", title: "Events", icon: "events" },
  { name: "charts", title: "Charts", icon: "charts" },
  { name: "bundles", title: "Bundles", icon: "bundles" },
  { name: "updates", title: "Updates", icon: "updates" },
  { name: "system", title: "System", icon: "system", also: ["log", "doctor"] },
];

/** @param {HTMLElement} list */
export function showNavigation(list) {
  if (list.childElementCount === 0)
    list.append(
      ...ENTRIES.map(({ name, title, icon: picture }) =>
        h("li", null, h("a", { href: href(name), data: { name } }, icon(picture), h("span", null, title))),
      ),
    );
  const here = place().name;
  for (const { name, also = [] } of ENTRIES) {
    const link = list.querySelector(`[data-name="${name}"]`);
    if (link !== null) setAttribute(link, "aria-current", here === name || also.includes(here) ? "page" : undefined);
  }
}

/**
 * @param {HTMLElement} line
 * @param {HTMLElement} device
 * @param {Store} store
 */
export function showSummary(line, device, store) {
  const show = (/** @type {PageStatus} */ status) => {
    setText(device, status.device.name);
    const { cameras, totals } = status;
    const enabled = cameras.filter(({ state }) => state !== "disabled");
    const playing = enabled.filter(({ state }) => state === "playing").length;
    line.dataset["tone"] = playing === enabled.length ? "good" : playing === 0 ? "bad" : "warn";
    const all = cameras.length === 0 ? "no cameras" : `${playing} of ${enabled.length} cameras playing`;
    setText(line, `${all} · ${oneDigit(totals.fps)} fps · p99 ${latency(totals.latency.p99)}`);
  };
  if (line.dataset["bound"] === undefined) store.on("status", show);
  line.dataset["bound"] = "";
}

const THEME_WORDS = { system: "as the system has it", light: "light", dark: "dark" };

/**
 * @param {HTMLElement} target
 * @param {Session} session
 * @param {() => Promise<void>} logOut
 */
export function showAccount(target, session, logOut) {
  const look = h("button", { class: "icon-button", type: "button" }, icon("theme"));
  const label = () => {
    const words = `Colours: ${THEME_WORDS[theme()]}`;
    look.ariaLabel = `${words}. Change`;
    look.title = words;
  };
  label();
  look.addEventListener("click", () => {
    setTheme(nextTheme());
    label();
  });
  target.replaceChildren(look);
  if (session.user === null) return;
  const out = h(
    "button",
    { class: "icon-button", type: "button", "aria-label": "Log out", title: "Log out" },
    icon("logout"),
  );
  out.addEventListener("click", () => void act(out, logOut));
  const role = session.role === "viewer" ? "may look" : "operator";
  target.prepend(h("p", { class: "who" }, session.user, h("small", null, role)));
  target.append(out);
}
