/** One installed bundle. */
import { path, post, remove } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { h, setText } from "../lib/dom.js";
import { act, say } from "../lib/notice.js";

/** @import { BundleView } from "../../../supervisor/deployments/control.ts" */
/** @import { BundleContext } from "./element-card.js" */

/**
 * @param {BundleView} first
 * @param {BundleContext} context
 */
export function bundleRow(first, { canChange, changed }) {
  const name = h("b");
  const notes = h("span", { class: "soft" });
  const trouble = h("p", { class: "trouble" });
  const place = h("p", { class: "soft mono small" });
  const button = h("button", { class: "button small", type: "button" });
  const element = h(
    "li",
    null,
    h("div", null, h("p", null, name, " ", notes), trouble, place),
    canChange ? button : null,
  );
  let view = first;
  button.addEventListener("click", () => void act(button, () => toggle(view, changed)));
  const update = (/** @type {BundleView} */ next) => {
    view = next;
    const { kind, serves, quarantine, problem } = next;
    setText(name, `${next.name} ${next.version}`);
    setText(
      notes,
      [kind === "detect" ? "detector" : "analysis", ...(serves.length > 0 ? [`serves ${serves.join(", ")}`] : [])].join(
        " · ",
      ),
    );
    setText(trouble, problem !== "" ? problem : quarantine === "" ? "" : `In quarantine: ${quarantine}`);
    setText(place, next.directory);
    setText(button, quarantine === "" ? "Quarantine" : "Release");
    button.ariaLabel = `${quarantine === "" ? "Put into quarantine" : "Release"}: ${next.name} ${next.version}`;
    button.hidden = problem !== "";
  };
  return { element, update };
}

/**
 * @param {BundleView} bundle
 * @param {() => void} changed
 */
async function toggle({ name, version, directory, quarantine }, changed) {
  if (quarantine === "") {
    const text = "It is not activated any more, neither by updates nor by itself, until it is released.";
    if (!(await ask({ title: `Put ${name} ${version} into quarantine?`, text, action: "Quarantine" }))) return;
    await post("/api/quarantine", { bundle: directory });
  } else await remove(path`/api/quarantine/${directory}`);
  say(quarantine === "" ? `${name} ${version} is in quarantine.` : `${name} ${version} is released.`);
  changed();
}
