/** Kept pictures: what the camera saw when something happened. */
import { openDialog } from "../lib/dialog.js";
import { h } from "../lib/dom.js";

/**
 * @param {string} address
 * @param {string} caption
 * @param {readonly Node[]} [more] below the picture
 */
export function showPicture(address, caption, more = []) {
  const image = h("img", { class: "kept", src: address, alt: `Kept picture: ${caption}` });
  const missing = h(
    "p",
    { class: "soft", hidden: true },
    "The picture is not there (any more): the oldest go when the disk's share is full.",
  );
  image.addEventListener("error", () => {
    image.hidden = true;
    missing.hidden = false;
  });
  const save = h("a", { class: "button", href: address, download: "" }, "Save picture");
  openDialog(caption, [image, missing, ...more, h("div", { class: "actions end" }, save)], { wide: true });
}

/**
 * The address of the picture of an event; undefined: it has none. Only addresses of this device.
 * @param {any} data
 * @returns {string | undefined}
 */
export function pictureOf(data) {
  const address = data?.evidence?.path;
  return typeof address === "string" && address.startsWith("/api/evidence/") ? address : undefined;
}
