/** What a camera does now, and which objects it sees. */
import { h, setText, showList } from "../lib/dom.js";
import { count, duration, latency, oneDigit, trackId } from "../lib/format.js";
import { figures } from "../lib/view.js";
import { showState } from "./camera-card.js";

/** @import { CameraView, ObjectView } from "../../../supervisor/status.ts" */

/** @param {HTMLElement} root */
export function mountPanel(root) {
  const state = h("span", { class: "dot" });
  const since = h("span", { class: "soft" });
  const reason = h("p", { class: "soft" });
  const numbers = figures(
    [
      ["fps", "frames/s", "Decoded"],
      ["inferred", "looked at/s", "Frames that went through the model"],
      ["p50", "latency p50", "From capture to publish"],
      ["p95", "latency p95"],
      ["p99", "latency p99"],
      ["ids", "objects so far", "Different track ids since the start"],
      ["events", "events so far"],
      ["dropped", "frames left out", "Because inference was slower than the camera"],
    ],
    "figures small",
  );
  const heading = h("h2");
  const objects = h("ul", { class: "objects" });
  root.append(h("p", { class: "line" }, state, since), reason, numbers.element, heading, objects);
  /** @param {CameraView} camera */
  const update = (camera) => {
    showState(state, camera);
    setText(since, `for ${duration(Date.now() - camera.since)}`);
    setText(reason, camera.reason);
    numbers.set({
      fps: oneDigit(camera.fps),
      inferred: oneDigit(camera.inferredFps),
      p50: latency(camera.latency.p50),
      p95: latency(camera.latency.p95),
      p99: latency(camera.latency.p99),
      ids: count(camera.ids),
      events: count(camera.events),
      dropped: count(camera.dropped),
    });
    setText(heading, `In the picture: ${camera.objects.length}`);
    showList(objects, keyed(camera.objects), ({ key }) => key, objectRow);
  };
  return { update };
}

/**
 * Objects without an id are told apart by their place among those of their label.
 * @param {readonly ObjectView[]} objects
 */
function keyed(objects) {
  const sorted = [...objects].sort(
    (a, b) => a.label.localeCompare(b.label) || trackId(a.id).localeCompare(trackId(b.id), "en", { numeric: true }),
  );
  return sorted.map((object, i) => ({ ...object, key: object.id === "" ? `${object.label} ${i}` : object.id }));
}

/** @param {ObjectView} object */
function objectRow({ id }) {
  const label = h("span");
  const element = h("li", null, label, h("span", { class: "mono soft" }, id === "" ? "" : `#${trackId(id)}`));
  return { element, update: (/** @type {ObjectView} */ object) => setText(label, object.label) };
}
