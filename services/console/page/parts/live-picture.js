/** A camera's live picture in its frame; while there is none, the frame says how the camera is and why. */
import { h, setText } from "../lib/dom.js";
import { showState } from "./camera-card.js";

/** @import { CameraView } from "../../../supervisor/status.ts" */
/** @import { Pictures } from "../lib/pictures.js" */

/**
 * @param {CameraView} camera
 * @param {Pictures} pictures
 * @param {AbortSignal} signal
 */
export function livePicture(camera, pictures, signal) {
  const image = h("img", { alt: `Live picture of ${camera.name}`, draggable: false });
  const state = h("span", { class: "state dot" });
  const word = h("b");
  const reason = h("span");
  const veil = h("div", { class: "veil" }, word, reason);
  const element = h("div", { class: "picture" }, image, veil, state);
  const live = pictures.show(image, camera.id, signal);
  /** @param {CameraView} now */
  const update = (now) => {
    const isPlaying = now.state === "playing";
    showState(state, now);
    veil.hidden = isPlaying;
    setText(word, isPlaying ? "" : now.state);
    setText(reason, isPlaying ? "" : now.reason);
    if (now.video !== null) element.style.aspectRatio = `${now.video.width} / ${now.video.height}`;
    live.play(isPlaying);
  };
  return { element, image, update, close: live.close };
}
