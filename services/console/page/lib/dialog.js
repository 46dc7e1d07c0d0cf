/** Dialogs: the browser's own, which keeps the focus inside and gives it back. */
import { h } from "./dom.js";
import { icon } from "./icons.js";

let count = 0;

/**
 * Opens a dialog; it is removed when it closes.
 * @param {string} title
 * @param {readonly (Node | string)[]} content
 * @param {{ wide?: boolean, signal?: AbortSignal }} [options] the signal closes it
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, { wide = false, signal } = {}) {
  count += 1;
  const heading = h("h2", { id: `dialog-${count}` }, title);
  const close = h("button", { class: "icon-button", type: "button", "aria-label": "Close" }, icon("close"));
  const head = h("div", { class: "dialog-head" }, heading, close);
  const dialog = h(
    "dialog",
    { class: wide ? "dialog wide" : "dialog", "aria-labelledby": heading.id },
    head,
    ...content,
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  // A click beside it: the dialog itself is hit only where its content is not.
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog) dialog.close();
  });
  signal?.addEventListener("abort", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks before something is done that cannot simply be taken back.
 * @param {{ title: string, text: string, action: string, isDangerous?: boolean }} question
 * @returns {Promise<boolean>}
 */
export function ask({ title, text, action, isDangerous = false }) {
  return new Promise((resolve) => {
    const yes = h("button", { class: isDangerous ? "button danger" : "button primary", type: "button" }, action);
    const no = h("button", { class: "button", type: "button" }, "Cancel");
    const dialog = openDialog(title, [h("p", null, text), h("div", { class: "actions end" }, no, yes)]);
    no.addEventListener("click", () => dialog.close());
    yes.addEventListener("click", () => {
      resolve(true);
      dialog.close();
    });
    dialog.addEventListener("close", () => resolve(false));
  });
}
