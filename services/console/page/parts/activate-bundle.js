/** The dialog that begins to activate a bundle, or only to compare it. */
import { path, post } from "../lib/api.js";
import { openDialog } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { field, formError, input, select, showErrors } from "../lib/form.js";
import { act, say } from "../lib/notice.js";

/** @import { BundleView } from "../../../supervisor/deployments/control.ts" */
/** @import { BundleContext } from "./element-card.js" */

/**
 * @param {string} element
 * @param {readonly BundleView[]} bundles
 * @param {BundleContext} context
 */
export function activateBundle(element, bundles, { signal, changed }) {
  const kind = element === "infer" ? "detect" : "analyze";
  const fitting = bundles.filter((bundle) => bundle.kind === kind && bundle.problem === "");
  const first = fitting.find(({ serves }) => !serves.includes(element)) ?? fitting[0];
  const bundle = select(
    "bundle",
    fitting.map((option) => [option.directory, nameOf(option)]),
    first?.directory,
  );
  const shadow = input("shadow", { type: "number", min: "0", max: "3600", step: "1", value: "10" });
  const probation = input("probation", {
    type: "number",
    min: "0",
    max: "86400",
    step: "1",
    placeholder: "as configured",
  });
  const activate = h("button", { class: "button primary", type: "submit", name: "do", value: "activate" }, "Activate");
  const compare = h("button", { class: "button", type: "submit", name: "do", value: "shadow" }, "Only compare");
  const form = h(
    "form",
    { class: "form", noValidate: true },
    h(
      "p",
      { class: "soft" },
      "It is checked, loaded beside the running one, compared with it, and switched in between two batches. If it fails, the old one stays.",
    ),
    h(
      "div",
      { class: "fields" },
      field("bundle", "Bundle", bundle, { wide: true }),
      field("shadowMs", "Shadow run", shadow, { unit: "s", hint: "Both work on the same video, unseen. 0: none." }),
      field("probationMs", "Probation", probation, {
        unit: "s",
        hint: "Afterwards: a bad turn brings the old one back.",
      }),
    ),
    formError(),
    h("div", { class: "actions end" }, compare, activate),
  );
  const dialog = openDialog("Activate a bundle", [form], { signal });
  const send = async (/** @type {string} */ what) => {
    const seconds = (/** @type {HTMLInputElement} */ control) =>
      control.value === "" ? undefined : Number(control.value) * 1000;
    const body = { bundle: bundle.value, shadowMs: seconds(shadow), probationMs: seconds(probation) };
    try {
      await post(`${path`/api/elements/${element}`}/${what === "shadow" ? "shadow" : "activate"}`, body);
      dialog.close();
      say(what === "shadow" ? "The comparison has begun." : "The activation has begun.");
      changed();
    } catch (error) {
      showErrors(form, error);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.submitter === compare ? compare : activate;
    void act(button, () => send(button.value));
  });
}

/** @param {BundleView} bundle */
function nameOf({ name, version, serves, quarantine, directory }) {
  const notes = [...(serves.length > 0 ? ["serves"] : []), ...(quarantine === "" ? [] : ["in quarantine"])];
  const place = directory.split("/").at(-1) ?? "";
  const words = place === name ? `${name} ${version}` : `${name} ${version} (${place})`;
  return notes.length === 0 ? words : `${words} – ${notes.join(", ")}`;
}
