/** Fields with their label, hint and error, tied together for those who do not see them. */
import { ApiError, messageOf } from "./api.js";
import { h } from "./dom.js";

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

let count = 0;

/**
 * @param {string} key as the server names it in its errors
 * @param {string} label
 * @param {Control} control
 * @param {{ hint?: string | undefined, unit?: string | undefined, wide?: boolean }} [options]
 * @returns {HTMLDivElement}
 */
export function field(key, label, control, { hint, unit, wide = false } = {}) {
  count += 1;
  control.id ||= `field-${count}`;
  const error = h("p", { class: "field-error", id: `${control.id}-error` });
  const note = hint === undefined ? null : h("p", { class: "field-hint", id: `${control.id}-hint` }, hint);
  control.setAttribute("aria-describedby", note === null ? error.id : `${note.id} ${error.id}`);
  const text = h("label", { htmlFor: control.id }, label, unit ? h("span", { class: "unit" }, ` (${unit})`) : null);
  return h("div", { class: wide ? "field wide" : "field", data: { key } }, text, control, note, error);
}

/**
 * @param {string} name
 * @param {Record<string, unknown>} [properties]
 */
export function input(name, properties = {}) {
  return h("input", { name, autocomplete: "off", spellcheck: false, ...properties });
}

/**
 * @param {string} name
 * @param {readonly (readonly [value: string, text: string])[]} options
 * @param {string} [chosen]
 */
export function select(name, options, chosen) {
  const control = h("select", { name });
  for (const [value, text] of options) control.append(h("option", { value, selected: value === chosen }, text));
  return control;
}

/** The place for what concerns no field. */
export function formError() {
  return h("p", { class: "form-error", role: "alert", hidden: true });
}

/** @param {HTMLElement} form */
export function clearErrors(form) {
  for (const place of form.querySelectorAll(".field-error")) place.textContent = "";
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  const whole = form.querySelector(".form-error");
  if (whole instanceof HTMLElement) whole.hidden = true;
}

/**
 * Says what is wrong where it is wrong, and leads the focus there.
 * @param {HTMLElement} form
 * @param {unknown} error
 */
export function showErrors(form, error) {
  clearErrors(form);
  const problems = error instanceof ApiError ? error.problems : [];
  const rest = problems.filter((problem) => !showProblem(form, problem));
  const words =
    problems.length === 0 ? messageOf(error) : rest.map(({ key, message }) => `${key} ${message}`.trim()).join("\n");
  const whole = form.querySelector(".form-error");
  if (words !== "" && whole instanceof HTMLElement) {
    whole.textContent = words;
    whole.hidden = false;
  }
  const first = form.querySelector("[aria-invalid]");
  if (first instanceof HTMLElement) first.focus();
}

/**
 * @param {HTMLElement} form
 * @param {import("./api.js").Problem} problem
 * @returns {boolean} false: no field is responsible
 */
function showProblem(form, { key, message }) {
  for (const place of form.querySelectorAll(".field")) {
    const own = place instanceof HTMLElement ? (place.dataset["key"] ?? "") : "";
    if (own === "" || !(key === own || key.startsWith(`${own}.`) || key.startsWith(`${own}[`))) continue;
    place.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
    const error = place.querySelector(".field-error");
    if (error !== null) error.textContent = message;
    return true;
  }
  return false;
}
