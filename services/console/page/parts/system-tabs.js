/** The places of the system view. */
import { h } from "../lib/dom.js";
import { href, place } from "../lib/router.js";

const PLACES = [
  ["system", "Overview"],
  ["log", "Log"],
  ["doctor", "Doctor"],
];

export function systemTabs() {
  const here = place().name;
  const links = PLACES.map(([name = "", title = ""]) =>
    h("a", { href: href(name), "aria-current": name === here ? "page" : undefined }, title),
  );
  return h("nav", { class: "tabs", "aria-label": "System" }, ...links);
}
