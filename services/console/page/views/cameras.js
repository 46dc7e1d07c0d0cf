/** All cameras at a glance. */
import { h, showList } from "../lib/dom.js";
import { count, latency, oneDigit } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { empty, figures, viewHead } from "../lib/view.js";
import { addCamera } from "../parts/add-camera.js";
import { cameraCard } from "../parts/camera-card.js";

/** @import { Context } from "../lib/view.js" */
/** @import { PageStatus } from "../lib/store.js" */

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
export function mount(root, context) {
  const { store, signal, canChange } = context;
  const add = () => addCamera(signal);
  const grid = h("div", { class: "grid" });
  const totals = figures([
    ["fps", "frames/s", "Decoded frames per second of all cameras"],
    ["p50", "latency p50", "From capture to publish, half of the messages"],
    ["p99", "latency p99", "From capture to publish, 99 of 100 messages"],
    ["messages", "messages/s"],
    ["events", "events/s"],
    ["queued", "waiting", "Messages that wait for the broker"],
  ]);
  const none = noCameras(canChange ? add : undefined);
  root.append(viewHead("Cameras", canChange ? addButton(add) : null), totals.element, grid, none);

  const show = (/** @type {PageStatus} */ status) => {
    const { fps, latency: times, messagesPerSecond, eventsPerSecond } = status.totals;
    totals.set({
      fps: oneDigit(fps),
      p50: latency(times.p50),
      p99: latency(times.p99),
      messages: oneDigit(messagesPerSecond),
      events: oneDigit(eventsPerSecond),
      queued: count(status.broker.queued),
    });
    // Two rows of two leave no gap where three and one would.
    grid.classList.toggle("pairs", status.cameras.length === 2 || status.cameras.length === 4);
    none.hidden = status.cameras.length > 0;
    showList(
      grid,
      status.cameras,
      ({ id }) => id,
      (camera) => cameraCard(camera, context),
    );
  };
  none.hidden = true;
  if (store.status !== undefined) show(store.status);
  store.on("status", show, signal);
}

/** @param {() => void} add */
function addButton(add) {
  const button = h("button", { class: "button primary", type: "button" }, icon("add"), "Add camera");
  button.addEventListener("click", add);
  return button;
}

/** @param {(() => void) | undefined} add */
function noCameras(add) {
  const how = "Nightjar plays network cameras (RTSP), USB cameras, streams and files.";
  if (add === undefined) return empty("No cameras yet", `${how} An operator can add one here.`);
  return empty("No cameras yet", how, addButton(add));
}
