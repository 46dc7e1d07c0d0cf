/** One camera, large: its live picture, and beside it what is in it, its events, its zones, its course, and the camera itself. */
import { h, setAttribute } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { href, place } from "../lib/router.js";
import { empty, viewHead } from "../lib/view.js";
import * as course from "../parts/camera-course.js";
import * as events from "../parts/camera-events.js";
import * as now from "../parts/camera-now.js";
import * as settings from "../parts/camera-settings.js";
import { livePicture } from "../parts/live-picture.js";
import * as zones from "../zones/panel.js";

/** @import { CameraView } from "../../../supervisor/status.ts" */
/** @import { Context, Mounted } from "../lib/view.js" */
/** @import { PageStatus } from "../lib/store.js" */

/**
 * What a side of the camera is given. `stage` lies over the picture, and is as large.
 * @typedef {Context & { camera: CameraView, stage: HTMLElement }} CameraContext
 * @typedef {{ mountPanel(root: HTMLElement, context: CameraContext): { update?: (camera: CameraView) => void } | void }} Side
 */

/** @type {readonly { name: string, title: string, side: Side }[]} */
const SIDES = [
  { name: "", title: "Now", side: now },
  { name: "events", title: "Events", side: events },
  { name: "zones", title: "Zones", side: zones },
  { name: "course", title: "Charts", side: course },
  { name: "settings", title: "About", side: settings },
];

/**
 * @param {HTMLElement} root
 * @param {Context} context
 * @param {readonly string[]} parts
 * @returns {Mounted}
 */
export function mount(root, context, parts) {
  const { store, signal } = context;
  const [id = ""] = parts;
  const waiting = h("p", { class: "waiting" }, "Loading …");
  root.append(waiting);
  /** @type {ReturnType<typeof show> | undefined} */
  let shown;
  let isGone = false;
  const update = (/** @type {PageStatus} */ { cameras }) => {
    const camera = cameras.find((candidate) => candidate.id === id);
    if (camera === undefined) {
      if (!isGone) root.replaceChildren(viewHead("Camera"), gone(id));
      shown?.close();
      shown = undefined;
    } else if (shown === undefined) {
      root.replaceChildren();
      shown = show(root, context, camera);
      shown.choose(place().parts[1] ?? "");
    }
    isGone = camera === undefined;
    if (camera !== undefined) shown?.update(camera);
  };
  if (store.status !== undefined) update(store.status);
  store.on("status", update, signal);
  signal.addEventListener("abort", () => shown?.close());
  return { route: ([other, side = ""]) => other === id && shown !== undefined && shown.choose(side) };
}

/** @param {string} id */
function gone(id) {
  const text = `There is no camera “${id}”. It may have been removed.`;
  return empty("No such camera", text, h("a", { class: "button", href: href("cameras") }, "All cameras"));
}

/**
 * @param {HTMLElement} root
 * @param {Context} context
 * @param {CameraView} camera
 */
function show(root, context, camera) {
  const picture = livePicture(camera, context.pictures, context.signal);
  const stage = h("div", { class: "stage" });
  picture.element.append(stage);
  const links = SIDES.map(({ name, title }) => {
    const address = name === "" ? href("camera", camera.id) : href("camera", camera.id, name);
    return h("a", { href: address, data: { side: name } }, title);
  });
  const panel = h("div", { class: "side" });
  const back = h("a", { class: "icon-button", href: href("cameras"), "aria-label": "All cameras" }, icon("back"));
  const head = viewHead(camera.name);
  head.prepend(back);
  root.append(
    head,
    h(
      "div",
      { class: "camera-view" },
      picture.element,
      h(
        "div",
        { class: "side-frame" },
        h("nav", { class: "tabs", "aria-label": `Camera ${camera.name}` }, ...links),
        panel,
      ),
    ),
  );
  let latest = camera;
  /** @type {{ name: string, end: AbortController, update?: (camera: CameraView) => void } | undefined} */
  let chosen;

  const choose = (/** @type {string} */ name) => {
    const entry = SIDES.find((candidate) => candidate.name === name) ?? { name: "", title: "Now", side: now };
    if (chosen?.name === entry.name) return true;
    chosen?.end.abort();
    panel.replaceChildren();
    stage.replaceChildren();
    const end = new AbortController();
    for (const link of links)
      setAttribute(link, "aria-current", link.dataset["side"] === entry.name ? "page" : undefined);
    const own = entry.side.mountPanel(panel, { ...context, signal: end.signal, camera: latest, stage });
    chosen = { name: entry.name, end, ...own };
    chosen.update?.(latest);
    return true;
  };
  const update = (/** @type {CameraView} */ next) => {
    latest = next;
    picture.update(next);
    chosen?.update?.(next);
  };
  const close = () => {
    chosen?.end.abort();
    picture.close();
  };
  return { choose, update, close };
}
