/** The thresholds of a module, with the ranges that it declares. */
import { get, path, post } from "../lib/api.js";
import { openDialog } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { field, formError, input, select, showErrors } from "../lib/form.js";
import { act, say } from "../lib/notice.js";

/** @import { ElementParameters, ParameterView } from "../../../control/parameters.ts" */
/** @import { BundleContext } from "./element-card.js" */

/**
 * @param {string} element
 * @param {BundleContext} context
 */
export async function editParameters(element, { signal, changed }) {
  const view = /** @type {ElementParameters} */ (await get(path`/api/elements/${element}/parameters`, signal));
  const parameters = view.parameters.filter(({ structured }) => !structured);
  const fields = parameters.map((parameter) => parameterField(parameter, view.labels));
  const submit = h("button", { class: "button primary", type: "submit" }, "Apply");
  const form = h(
    "form",
    { class: "form", noValidate: true },
    h(
      "p",
      { class: "soft" },
      `Of ${view.bundle}. Its bundle is activated once more with them, with the same checks; an empty field is the bundle's own value.`,
    ),
    fields.length === 0
      ? h("p", null, "This module has none.")
      : h("div", { class: "fields" }, ...fields.map((entry) => entry.element)),
    formError(),
    h("div", { class: "actions end" }, submit),
  );
  submit.hidden = fields.length === 0;
  const dialog = openDialog("Thresholds and settings", [form], { signal });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void act(submit, async () => {
      const changes = fields.filter((entry) => entry.isChanged()).map((entry) => [entry.name, entry.read()]);
      try {
        if (changes.length > 0)
          await post(path`/api/elements/${element}/parameters`, { parameters: Object.fromEntries(changes) });
        dialog.close();
        if (changes.length > 0) say("The change has begun.");
        changed();
      } catch (error) {
        showErrors(form, error);
      }
    });
  });
}

/**
 * @param {ParameterView} parameter
 * @param {readonly string[]} labels
 */
function parameterField(parameter, labels) {
  const { name, type, value, description, unit, minimum, maximum } = parameter;
  const range =
    minimum === undefined || maximum === undefined ? "" : `${minimum} to ${maximum}${unit ? ` ${unit}` : ""}`;
  const order = type === "numbers" && labels.length > 0 ? `Separated by commas: ${labels.join(", ")}.` : "";
  const hint = [description, order, range === "" ? "" : `${range}.`].filter((text) => text !== "").join(" ");
  const before = textOf(value);
  const control = controlOf(parameter, before);
  const slider = isSliding(parameter) ? sliderOf(parameter, control) : null;
  const element = field(name, labelOf(name), control, { hint, wide: type === "numbers" || type === "text" });
  if (slider !== null) control.after(slider);
  return {
    name,
    element,
    isChanged: () => control.value !== before,
    read: () => readValue(parameter, control.value.trim()),
  };
}

/**
 * @param {ParameterView} parameter
 * @param {string} value
 */
function controlOf({ name, type, values, minimum, maximum, default: usual }, value) {
  const placeholder = usual === null || usual === undefined ? "" : textOf(usual);
  if (type === "flag")
    return select(
      name,
      [
        ["true", "yes"],
        ["false", "no"],
      ],
      value,
    );
  if (type === "text" && values !== undefined)
    return select(
      name,
      values.map((option) => [option, option]),
      value,
    );
  if (type === "number" || type === "integer")
    return input(name, {
      type: "number",
      min: minimum,
      max: maximum,
      step: type === "integer" ? "1" : "any",
      value,
      placeholder,
    });
  return input(name, { value, placeholder });
}

/** @param {ParameterView} parameter */
function isSliding({ type, minimum, maximum }) {
  return (
    (type === "number" || type === "integer") &&
    minimum !== undefined &&
    maximum !== undefined &&
    maximum - minimum <= 1000
  );
}

/**
 * @param {ParameterView} parameter
 * @param {HTMLInputElement | HTMLSelectElement} control
 */
function sliderOf({ name, type, minimum = 0, maximum = 1 }, control) {
  const step = type === "integer" ? 1 : (maximum - minimum) / 100;
  const slider = h("input", {
    type: "range",
    min: String(minimum),
    max: String(maximum),
    step: String(step),
    value: control.value,
    "aria-label": labelOf(name),
  });
  slider.addEventListener("input", () => {
    control.value = slider.value;
  });
  control.addEventListener("input", () => {
    slider.value = control.value;
  });
  return slider;
}

/** @param {unknown} value */
function textOf(value) {
  if (value === null || value === undefined) return "";
  return Array.isArray(value) ? value.map((entry) => entry ?? "").join(", ") : String(value);
}

/**
 * What is no number is sent as it is: the server says what it wants.
 * @param {ParameterView} parameter
 * @param {string} text empty: the bundle's own value
 * @returns {unknown}
 */
export function readValue({ type }, text) {
  if (text === "") return null;
  if (type === "flag") return text === "true";
  if (type === "text") return text;
  if (type === "numbers") return text.split(",").map((part) => (part.trim() === "" ? null : numberOr(part.trim())));
  return numberOr(text);
}

/** @param {string} text */
function numberOr(text) {
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

/** "track-buffer": "Track buffer". @param {string} name */
function labelOf(name) {
  const words = name
    .replaceAll("-", " ")
    .replace(/\biou\b/, "IoU")
    .replace(/\bnms\b/, "NMS");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
