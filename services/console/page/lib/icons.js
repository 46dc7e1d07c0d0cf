/** Icons as paths on a grid of 24, drawn with lines of the text's colour. Decoration only: the text beside them says what they mean. */
import { svg } from "./dom.js";

const PATHS = {
  cameras:
    "M3 8.5A2.5 2.5 0 0 1 5.5 6h8A2.5 2.5 0 0 1 16 8.5v7a2.5 2.5 0 0 1-2.5 2.5h-8A2.5 2.5 0 0 1 3 15.5zM16 11l5-3v8l-5-3",
  events: "M4 6h2M4 12h2M4 18h2M10 6h10M10 12h10M10 18h6",
  charts: "M4 4v16h16M8 15l3.5-4 3 2.5L20 7",
  bundles: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  updates: "M12 4v10M8 10.5l4 4 4-4M5 19h14",
  system: "M6 4h12v6H6zM6 14h12v6H6zM9 7h.01M9 17h.01",
  add: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  line: "M5 19L19 5M5 19h.01M19 5h.01",
  region: "M5 8l7-4 7 5-2 9H8z",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  edit: "M4 20l1-4L16 5l3 3L8 19z",
  turn: "M7 8h11l-3-3M17 16H6l3 3",
  camera: "M4 8h3l2-2.5h6L17 8h3v11H4zM12 16.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
  logout: "M14 5H6v14h8M11 12h9M17 9l3 3-3 3",
  check: "M5 12.5l4.5 4.5L19 7.5",
  pause: "M9 6v12M15 6v12",
  play: "M8 5.5v13l11-6.5z",
  theme: "M12 4v16M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16M12 8a4 4 0 0 1 0 8",
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const path = svg("path", { d: PATHS[name] });
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, path);
}
