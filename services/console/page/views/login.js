/** The login, in the place of the console. */
import { post } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { field, formError, input, showErrors } from "../lib/form.js";
import { act } from "../lib/notice.js";

/** @import { Session } from "../lib/store.js" */

/**
 * @param {HTMLElement} root
 * @param {string} reason why it is asked for; empty at the beginning
 * @param {(session: Session) => void} onLogin
 */
export function showLogin(root, reason, onLogin) {
  document.title = "Log in – Nightjar";
  const user = input("user", { autocomplete: "username", required: true, autocapitalize: "none" });
  const password = input("password", { type: "password", autocomplete: "current-password", required: true });
  const submit = h("button", { class: "button primary", type: "submit" }, "Log in");
  const form = h(
    "form",
    { class: "login" },
    h("img", { src: "/icon.svg", alt: "", width: 48, height: 48 }),
    h("h1", { tabIndex: -1 }, "Nightjar"),
    reason === "" ? null : h("p", { class: "soft" }, reason),
    field("user", "User", user),
    field("password", "Password", password),
    formError(),
    submit,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void act(submit, () => logIn(form, { user: user.value, password: password.value }, onLogin));
  });
  root.replaceChildren(h("main", null, form));
  user.focus();
}

/**
 * @param {HTMLElement} form
 * @param {{ user: string, password: string }} credentials
 * @param {(session: Session) => void} onLogin
 */
async function logIn(form, credentials, onLogin) {
  try {
    onLogin(await post("/api/login", credentials));
  } catch (error) {
    showErrors(form, error);
    const password = form.querySelector("[name=password]");
    if (password instanceof HTMLInputElement) password.select();
  }
}
