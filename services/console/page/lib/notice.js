/** Short words about what came of something, in a corner of the page; read out once, and gone by themselves. */
import { messageOf } from "./api.js";
import { byId, h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = 6000;
const PROBLEM_MS = 15_000;

/**
 * @param {string} text
 * @param {"good" | "bad"} [tone]
 */
export function say(text, tone = "good") {
  const close = h("button", { class: "icon-button", type: "button", "aria-label": "Dismiss" }, icon("close"));
  const notice = h("div", { class: "notice", data: { tone } }, h("p", null, text), close);
  close.addEventListener("click", () => notice.remove());
  byId("notices").append(notice);
  setTimeout(() => notice.remove(), tone === "good" ? SHOWN_MS : PROBLEM_MS);
}

/**
 * Does something that a person asked for; the button waits meanwhile, and a failure is said.
 * @template Result
 * @param {HTMLButtonElement} button
 * @param {() => Promise<Result>} action
 * @returns {Promise<Result | undefined>}
 */
export async function act(button, action) {
  if (button.ariaDisabled === "true") return undefined;
  // Not disabled: a button that is would lose the focus.
  button.ariaDisabled = "true";
  try {
    return await action();
  } catch (error) {
    say(messageOf(error), "bad");
    return undefined;
  } finally {
    button.ariaDisabled = null;
  }
}
