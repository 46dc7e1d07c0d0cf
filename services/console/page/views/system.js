/** The device: its processes, the broker and what waits for it, disks and temperature. */
import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { duration } from "../lib/format.js";
import { figures, fill, panel, viewHead } from "../lib/view.js";
import { brokerPanel } from "../parts/broker-panel.js";
import { machinePanels } from "../parts/machine-panel.js";
import { processPanel } from "../parts/process-panel.js";
import { systemTabs } from "../parts/system-tabs.js";

/** @import { PageStatus } from "../lib/store.js" */
/** @import { Context } from "../lib/view.js" */

/** Disks and temperatures move slowly. Milliseconds. */
const MACHINE_MS = 5000;

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
export function mount(root, { store, signal, session }) {
  const about = figures([
    ["name", "device"],
    ["version", "Nightjar"],
    ["profile", "profile"],
    ["gstreamer", "GStreamer"],
    ["up", "running for"],
    ["file", "configuration"],
  ]);
  const processes = processPanel();
  const broker = brokerPanel(signal);
  const machine = machinePanels();
  const machineBody = h("div", { class: "stack" });
  root.append(
    viewHead("System"),
    systemTabs(),
    h(
      "div",
      { class: "stack" },
      panel("", about.element, session.reason ? h("p", { class: "soft small" }, session.reason) : null),
      h("div", { class: "columns" }, processes.element, broker.element),
      machineBody,
    ),
  );
  const show = (/** @type {PageStatus} */ status) => {
    about.set({
      name: status.device.name,
      version: status.version,
      profile: status.profile || "–",
      gstreamer: status.gstreamer || "–",
      up: duration(status.uptimeMs),
      file: status.configuration,
    });
    processes.show(status);
    broker.show(status.broker, status.totals);
  };
  if (store.status !== undefined) show(store.status);
  store.on("status", show, signal);

  const load = () => get("/api/machine", signal);
  void fill(machineBody, load, (first) => {
    machineBody.append(machine.element);
    machine.show(first);
  });
  const timer = setInterval(async () => {
    if (document.visibilityState !== "visible" || machine.element.parentElement === null) return;
    // A failure is in the banner already; the next look is soon.
    const next = await load().catch(() => undefined);
    if (next !== undefined && !signal.aborted) machine.show(next);
  }, MACHINE_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}
