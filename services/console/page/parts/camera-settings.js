/** What a camera is: its source, its numbers, pictures to keep, and its removal. */
import { path, post, remove } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { h, setTexts } from "../lib/dom.js";
import { time } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { act, say } from "../lib/notice.js";
import { href } from "../lib/router.js";
import { showPicture } from "./evidence.js";

/** @import { CameraView } from "../../../supervisor/status.ts" */
/** @import { CameraContext } from "../views/camera.js" */

/**
 * @param {HTMLElement} root
 * @param {CameraContext} context
 */
export function mountPanel(root, { camera, canChange }) {
  const facts = h("dl", { class: "facts" });
  root.append(facts);
  if (canChange) root.append(keepPicture(camera), removal(camera));
  /** @param {CameraView} now */
  const update = (now) => {
    const rows = factsOf(now);
    if (facts.childElementCount !== rows.length)
      facts.replaceChildren(...rows.map(([label]) => h("div", null, h("dt", null, label), h("dd"))));
    const values = [...facts.children].map(({ lastElementChild }) => /** @type {Element} */ (lastElementChild));
    setTexts(
      values,
      rows.map(([, value]) => value),
    );
  };
  return { update };
}

/**
 * @param {CameraView} camera
 * @returns {[label: string, value: string][]}
 */
function factsOf(camera) {
  const at = (/** @type {number | null} */ ms) => (ms === null ? "never" : time(ms));
  return [
    ["ID", camera.id],
    ["Source", camera.source],
    ["From", camera.origin === "added" ? "added here or by command" : "the configuration file"],
    ["Picture", camera.video === null ? "unknown" : `${camera.video.width} × ${camera.video.height}`],
    ["Plays since", at(camera.firstPlayedAt)],
    ["Tries", String(camera.tries)],
    ["Last packet", at(camera.last.packet)],
    ["Last frame", at(camera.last.decoded)],
    ["Last looked at", at(camera.last.inferred)],
    ["Last message", at(camera.last.published)],
    ["Watched by", String(camera.viewers)],
  ];
}

/** @param {CameraView} camera */
function keepPicture({ id }) {
  const button = h("button", { class: "button", type: "button" }, icon("camera"), "Keep a picture");
  button.addEventListener("click", () => {
    void act(button, async () => {
      const kept = await post(path`/api/cameras/${id}/snapshots`);
      showPicture(kept.path, `${id}, ${time(kept.takenAt)}`);
    });
  });
  return h("p", null, button);
}

/** @param {CameraView} camera */
function removal({ id, name }) {
  const button = h("button", { class: "button danger", type: "button" }, icon("trash"), "Remove this camera");
  button.addEventListener("click", () => {
    void act(button, async () => {
      const text =
        "Its picture and its messages end at once, and its zones are forgotten. It stays removed after a restart.";
      if (!(await ask({ title: `Remove “${name}”?`, text, action: "Remove", isDangerous: true }))) return;
      await remove(path`/api/cameras/${id}`);
      say(`Camera “${name}” was removed.`);
      location.hash = href("cameras");
    });
  });
  return h("p", null, button);
}
