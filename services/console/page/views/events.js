/** What modules, cameras and the device told, newest first. */
import { h } from "../lib/dom.js";
import { select } from "../lib/form.js";
import { icon } from "../lib/icons.js";
import { empty, viewHead } from "../lib/view.js";
import { showEvents } from "../parts/event-list.js";

/** @import { Context } from "../lib/view.js" */
/** @import { News } from "../lib/store.js" */

const SHOWN = 60;
/** @type {readonly (readonly [string, string])[]} */
const KINDS = [
  ["", "Everything"],
  ["zone", "Zones and lines"],
  ["object", "Objects come and go"],
  ["picture", "With a picture"],
  ["camera", "Cameras"],
  ["bundle", "Bundles and updates"],
  ["process", "Processes and broker"],
];

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
export function mount(root, { store, signal }) {
  const kind = select("kind", KINDS);
  kind.ariaLabel = "Which events";
  const camera = select("camera", [
    ["", "All cameras"],
    ...(store.status?.cameras ?? []).map(({ id, name }) => /** @type {const} */ ([id, name])),
  ]);
  camera.ariaLabel = "Of which camera";
  const pause = h("button", { class: "button", type: "button", "aria-pressed": "false" }, icon("pause"), "Hold");
  const list = h("ol", { class: "events wide", "aria-label": "Events, newest first" });
  const none = empty(
    "Nothing yet",
    "Events come when modules tell of something: a line is crossed, a region entered, a track begins.",
  );
  root.append(viewHead("Events", kind, camera, pause), none, list);
  let isHeld = false;
  const show = () => {
    if (isHeld) return;
    const shown = store.events.filter((news) => isOf(news, kind.value, camera.value)).slice(0, SHOWN);
    none.hidden = shown.length > 0;
    showEvents(list, shown, true);
  };
  pause.addEventListener("click", () => {
    isHeld = !isHeld;
    pause.setAttribute("aria-pressed", String(isHeld));
    show();
  });
  kind.addEventListener("change", show);
  camera.addEventListener("change", show);
  show();
  store.on("events", show, signal);
}

/**
 * @param {News} news
 * @param {string} kind
 * @param {string} camera
 */
function isOf({ type, camera: from, data }, kind, camera) {
  if (camera !== "" && from !== camera) return false;
  if (kind === "") return true;
  if (kind === "zone") return type === "event" && Boolean(data?.rule);
  if (kind === "object") return type === "event" && !data?.rule;
  if (kind === "picture") return data?.evidence !== undefined;
  if (kind === "bundle") return type === "bundle" || type === "update";
  if (kind === "process") return type === "process" || type === "broker";
  return type === kind;
}
