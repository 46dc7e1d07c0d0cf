/** What serves each element of the pipeline, how that changes, and which bundles there are. */
import { get } from "../lib/api.js";
import { h, showList } from "../lib/dom.js";
import { empty, fill, viewHead } from "../lib/view.js";
import { bundleRow } from "../parts/bundle-row.js";
import { elementCard } from "../parts/element-card.js";

/** @import { BundlesView } from "../../../supervisor/deployments/control.ts" */
/** @import { Context } from "../lib/view.js" */

/** While something changes, the view looks again this often; every step is news besides. Milliseconds. */
const LOOK_MS = 1500;

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
export function mount(root, { store, signal, canChange }) {
  const elements = h("div", { class: "elements" });
  const list = h("ul", { class: "rows bundles" });
  const installed = h("section", { class: "panel" }, h("h2", null, "Installed bundles"), list);
  const none = empty("No bundles", "Bundles are installed by updates, or with nightjar module build.");
  const body = h("div");
  root.append(viewHead("Bundles"), body);
  /** @type {BundlesView | undefined} */
  let latest;
  const show = (/** @type {BundlesView} */ view) => {
    latest = view;
    if (body.childElementCount === 0) body.append(elements, installed);
    const context = { canChange, signal, bundles: view.bundles, changed };
    showList(
      elements,
      view.elements,
      ({ element }) => element,
      (element) => elementCard(element, context, () => latest?.bundles ?? []),
    );
    showList(
      list,
      view.bundles,
      ({ directory }) => directory,
      (bundle) => bundleRow(bundle, context),
    );
    none.hidden = view.bundles.length > 0;
    if (view.bundles.length === 0) installed.append(none);
  };
  const load = () => get("/api/bundles", signal);
  const look = async () => {
    const view = await load().catch(() => undefined);
    if (view !== undefined && !signal.aborted) show(view);
  };
  function changed() {
    void look();
  }
  void fill(body, load, show);
  store.on("bundle", () => void look(), signal);
  const timer = setInterval(() => {
    if (latest?.elements.some(({ change }) => change !== null)) void look();
  }, LOOK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}
