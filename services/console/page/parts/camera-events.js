/** Events of one camera as they come. */
import { h } from "../lib/dom.js";
import { showEvents } from "./event-list.js";

/** @import { CameraContext } from "../views/camera.js" */

const SHOWN = 40;

/**
 * @param {HTMLElement} root
 * @param {CameraContext} context
 */
export function mountPanel(root, { camera, store, signal }) {
  const list = h("ol", { class: "events", "aria-label": `Events of ${camera.name}` });
  const none = h(
    "p",
    { class: "soft" },
    "Nothing yet. Zones and lines make events, and modules that tell of what they see.",
  );
  root.append(none, list);
  const show = () => {
    const own = store.events.filter((news) => news.camera === camera.id).slice(0, SHOWN);
    none.hidden = own.length > 0;
    showEvents(list, own, false);
  };
  show();
  store.on("events", show, signal);
}
