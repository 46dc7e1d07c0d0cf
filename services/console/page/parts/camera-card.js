/** One camera of the grid: its picture, how it is, and what is in it. */
import { h, setText, showList } from "../lib/dom.js";
import { countLabels, latency, oneDigit, tone } from "../lib/format.js";
import { href } from "../lib/router.js";
import { livePicture } from "./live-picture.js";

/** @import { CameraView } from "../../../supervisor/status.ts" */
/** @import { Context } from "../lib/view.js" */
/** @import { Row } from "../lib/dom.js" */

/**
 * @param {CameraView} camera
 * @param {Context} context
 * @returns {Row<CameraView>}
 */
export function cameraCard(camera, { pictures, signal }) {
  const picture = livePicture(camera, pictures, signal);
  const name = h("a", { class: "stretched", href: href("camera", camera.id) }, camera.name);
  const numbers = h("p", { class: "numbers" });
  const reason = h("p", { class: "reason" });
  const chips = h("ul", { class: "chips", "aria-label": "Objects in the picture" });
  const element = h(
    "article",
    { class: "card", data: { camera: camera.id } },
    picture.element,
    h("div", { class: "about" }, h("h2", null, name), numbers),
    chips,
    reason,
  );
  /** @param {CameraView} now */
  const update = (now) => {
    picture.update(now);
    setText(name, now.name);
    setText(numbers, `${oneDigit(now.fps)} fps · ${latency(now.latency.p50)} · p99 ${latency(now.latency.p99)}`);
    setText(reason, now.state === "playing" ? now.reason : "");
    showObjects(chips, now);
  };
  return { element, update, remove: picture.close };
}

/**
 * @param {Element} chips
 * @param {CameraView} camera
 */
export function showObjects(chips, { objects }) {
  showList(
    chips,
    countLabels(objects),
    ([label]) => label,
    ([label]) => {
      const number = h("b");
      return {
        element: h("li", { class: "chip" }, `${label} `, number),
        update: ([, count]) => setText(number, count),
      };
    },
  );
}

/**
 * How a camera is, in one word with its colour.
 * @param {HTMLElement} element
 * @param {CameraView} camera
 */
export function showState(element, camera) {
  setText(element, camera.state);
  element.dataset["tone"] = tone(camera.state);
}
