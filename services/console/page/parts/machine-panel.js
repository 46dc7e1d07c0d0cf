/** The machine: disks, temperatures, power mode, memory. What it does not say is left out. */
import { h, setText, showList } from "../lib/dom.js";
import { bytes, duration, percent } from "../lib/format.js";
import { figures, panel } from "../lib/view.js";

/** @import { DiskView, MachineView } from "../../../machine/machine.ts" */
/** @import { Temperature } from "../../../machine/temperatures.ts" */

/** From this share on, a disk or the memory is nearly full. */
const NEARLY_FULL = 0.9;
/** So near to the temperature at which the machine throttles itself. Degrees. */
const HOT = 10;

export function machinePanels() {
  const disks = h("ul", { class: "meters" });
  const heats = h("ul", { class: "meters" });
  const noHeat = h("p", { class: "soft" }, "This machine does not tell its temperatures.");
  const about = figures(
    [
      ["power", "power mode"],
      ["memory", "memory free"],
      ["load", "load, 1 / 5 / 15 min"],
      ["cores", "processor cores"],
      ["life", "disk life used"],
      ["clock", "clock"],
      ["up", "machine up for"],
    ],
    "figures small",
  );
  const element = h(
    "div",
    { class: "columns three" },
    panel("Disks", disks),
    panel("Temperatures", heats, noHeat),
    panel("Machine", about.element),
  );
  /** @param {MachineView} machine */
  const show = (machine) => {
    showList(
      disks,
      machine.disks,
      ({ path }) => path,
      () => meter(diskMeter),
    );
    showList(
      heats,
      machine.temperatures,
      ({ name }) => name,
      () => meter(heatMeter),
    );
    noHeat.hidden = machine.temperatures.length > 0;
    about.set({
      power: machine.powerMode ?? "not said",
      memory: `${bytes(machine.memory.availableBytes)} of ${bytes(machine.memory.totalBytes)}`,
      load: machine.load.map((value) => value.toFixed(2)).join(" / "),
      cores: machine.cores,
      life: machine.lifeUsed === null ? "not said" : percent(machine.lifeUsed),
      clock: machine.clockSynced === null ? "not said" : machine.clockSynced ? "in sync" : "not in sync",
      up: duration(machine.uptimeMs),
    });
  };
  return { element, show };
}

/** @typedef {{ label: string, text: string, share: number, tone: string }} Meter */

/**
 * @template Item
 * @param {(item: Item) => Meter} read
 */
function meter(read) {
  const label = h("span");
  const text = h("span", { class: "soft" });
  const fill = h("span", { class: "fill" });
  const element = h(
    "li",
    null,
    h("p", { class: "line" }, label, text),
    h("span", { class: "track", "aria-hidden": "true" }, fill),
  );
  const update = (/** @type {Item} */ item) => {
    const now = read(item);
    setText(label, now.label);
    setText(text, now.text);
    element.dataset["tone"] = now.tone;
    fill.style.width = `${Math.round(Math.min(1, Math.max(0, now.share)) * 100)}%`;
  };
  return { element, update };
}

/** @param {DiskView} disk @returns {Meter} */
function diskMeter({ path, roles, totalBytes, freeBytes }) {
  const share = totalBytes === 0 ? 0 : 1 - freeBytes / totalBytes;
  const text = `${bytes(freeBytes)} free of ${bytes(totalBytes)}`;
  return {
    label: roles.length === 0 ? path : `${roles.join(", ")} (${path})`,
    text,
    share,
    tone: share > NEARLY_FULL ? "bad" : "good",
  };
}

/** @param {Temperature} temperature @returns {Meter} */
function heatMeter({ name, celsius, criticalCelsius }) {
  const limit = criticalCelsius ?? 100;
  const text = `${celsius.toFixed(0)} °C${criticalCelsius === null ? "" : ` of ${criticalCelsius.toFixed(0)}`}`;
  return { label: name, text, share: celsius / limit, tone: celsius > limit - HOT ? "bad" : "good" };
}
