/** The zones of a camera: those there are, and the one that is being made or changed. */
import { ApiError, get, path, post, remove } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { showErrors } from "../lib/form.js";
import { icon } from "../lib/icons.js";
import { act, say } from "../lib/notice.js";
import { fill } from "../lib/view.js";
import { ZoneCanvas } from "./canvas.js";
import { zoneForm, zoneSummary } from "./form.js";
import { freshName } from "./geometry.js";

/** @import { CameraContext } from "../views/camera.js" */
/** @import { Point, ZoneType } from "./geometry.js" */
/** @import { ZoneDraft } from "./form.js" */

const HINTS = {
  line: "Drag across the picture, or point by point; a double click, Enter or Done ends the line. Done without points puts it into the middle.",
  region:
    "Click the corners; a click on the first one, a double click, Enter or Done closes the region. Done without points puts one into the middle.",
};

/**
 * @param {HTMLElement} root
 * @param {CameraContext} context
 */
export function mountPanel(root, context) {
  const body = h("div");
  root.append(body);
  void fill(
    body,
    () => load(context),
    (data) => new ZonePanel(body, context, data),
  );
}

/** @param {CameraContext} context */
async function load({ camera, signal }) {
  const [zones, labels] = await Promise.all([zonesOf(camera.id, signal), labelsOf(signal)]);
  return { zones, labels };
}

/**
 * @param {string} camera
 * @param {AbortSignal} signal
 * @returns {Promise<ZoneDraft[]>}
 */
async function zonesOf(camera, signal) {
  const views = /** @type {{ camera: string, zone: ZoneDraft }[]} */ (await get("/api/zones", signal));
  return views.filter((view) => view.camera === camera).map(({ zone }) => zone);
}

/** @param {AbortSignal} signal */
async function labelsOf(signal) {
  const { labels } = /** @type {{ labels: string[] }} */ (await get("/api/elements/infer/parameters", signal));
  return labels;
}

class ZonePanel {
  #root;
  #context;
  #labels;
  #zones;
  #canvas;
  /** What is being drawn. @type {ZoneType} */
  #drawnType = "line";
  /** The zone that is being made or changed; `before` is its name until it is saved. @type {{ draft: ZoneDraft, before: string | undefined, form: ReturnType<typeof zoneForm> } | undefined} */
  #edited;

  /**
   * @param {HTMLElement} root
   * @param {CameraContext} context
   * @param {{ zones: ZoneDraft[], labels: string[] }} data
   */
  constructor(root, context, { zones, labels }) {
    this.#root = root;
    this.#context = context;
    this.#labels = labels;
    this.#zones = zones;
    const listener = {
      onPoints: (/** @type {readonly Point[]} */ points) => this.#setPoints(points),
      onDrawn: (/** @type {readonly Point[] | undefined} */ points) => this.#drawn(points),
      onChoose: (/** @type {string} */ name) => this.#choose(name),
    };
    this.#canvas = new ZoneCanvas(context.stage, listener, context.signal);
    this.#showAll();
  }

  #shapes() {
    const edited = this.#edited;
    const shapes = this.#zones
      .filter(({ name }) => name !== edited?.before)
      .map(({ name, type, points }) => ({ name, type, points, isChosen: false }));
    if (edited === undefined) return shapes;
    const { name, type, points } = edited.draft;
    return [...shapes, { name, type, points, isChosen: true }];
  }

  /** The list. */
  #showAll() {
    this.#edited = undefined;
    this.#canvas.show(this.#shapes());
    const { canChange } = this.#context;
    const rows = this.#zones.map((zone) => this.#row(zone));
    const none = h(
      "p",
      { class: "soft" },
      "No zones yet. A line counts what crosses it; a region tells who is in it, how long, and how many.",
    );
    this.#root.replaceChildren(
      rows.length === 0 ? none : h("ul", { class: "rows" }, ...rows),
      canChange
        ? h("div", { class: "actions" }, this.#addButton("line", "Add line"), this.#addButton("region", "Add region"))
        : "",
    );
  }

  /** @param {ZoneDraft} zone */
  #row(zone) {
    const words = h("div", null, h("b", null, zone.name), h("p", { class: "soft" }, zoneSummary(zone)));
    const row = h("li", null, icon(zone.type), words);
    if (!this.#context.canChange) return row;
    const edit = h(
      "button",
      { class: "icon-button", type: "button", "aria-label": `Change ${zone.name}` },
      icon("edit"),
    );
    edit.addEventListener("click", () => this.#choose(zone.name));
    row.append(edit);
    return row;
  }

  /**
   * @param {ZoneType} type
   * @param {string} text
   */
  #addButton(type, text) {
    const button = h("button", { class: "button", type: "button" }, icon(type), text);
    button.addEventListener("click", () => this.#draw(type));
    return button;
  }

  /** @param {ZoneType} type */
  #draw(type) {
    this.#drawnType = type;
    const hint = h("p", { class: "hint", role: "status" }, HINTS[type]);
    const done = h("button", { class: "button primary", type: "button" }, "Done");
    const cancel = h("button", { class: "button", type: "button" }, "Cancel");
    done.addEventListener("click", () => this.#canvas.finishDrawing());
    cancel.addEventListener("click", () => {
      this.#canvas.stopDrawing();
      this.#showAll();
    });
    this.#root.replaceChildren(hint, h("div", { class: "actions" }, done, cancel));
    this.#canvas.draw(type);
    this.#context.stage.scrollIntoView({ block: "nearest" });
  }

  /** @param {readonly Point[] | undefined} points */
  #drawn(points) {
    if (points === undefined) return this.#showAll();
    const name = freshName(
      this.#drawnType,
      this.#zones.map((zone) => zone.name),
    );
    this.#edit({ name, type: this.#drawnType, points }, undefined);
  }

  /** @param {string} name */
  #choose(name) {
    const zone = this.#zones.find((candidate) => candidate.name === name);
    if (zone !== undefined && this.#context.canChange) this.#edit(zone, name);
  }

  /**
   * @param {ZoneDraft} draft
   * @param {string | undefined} before
   */
  #edit(draft, before) {
    const form = zoneForm(draft, this.#labels, {
      onName: (name) => this.#setDraft({ name }),
      onPoints: (points) => this.#setPoints(points),
      onSave: () => void act(form.save, () => this.#save()),
      onCancel: () => this.#showAll(),
      onDelete: before === undefined ? undefined : () => void act(form.save, () => this.#delete(before)),
    });
    this.#edited = { draft, before, form };
    const title = h("h2", { tabIndex: -1 }, before === undefined ? `New ${draft.type}` : `Change “${before}”`);
    this.#root.replaceChildren(title, form.element);
    this.#canvas.show(this.#shapes());
    if (before === undefined)
      /** @type {HTMLInputElement | null} */ (form.element.querySelector("[name=name]"))?.select();
    else title.focus();
  }

  /** @param {readonly Point[]} points */
  #setPoints(points) {
    this.#edited?.form.showPoints(points);
    this.#setDraft({ points });
  }

  /** @param {Partial<ZoneDraft>} change */
  #setDraft(change) {
    if (this.#edited === undefined) return;
    this.#edited.draft = { ...this.#edited.draft, ...change };
    this.#canvas.show(this.#shapes());
  }

  async #save() {
    const edited = this.#edited;
    if (edited === undefined) return;
    const { camera, signal } = this.#context;
    const zone = edited.form.read();
    try {
      if (zone.name !== edited.before && this.#zones.some(({ name }) => name === zone.name)) throw nameTaken(zone.name);
      await post(path`/api/cameras/${camera.id}/zones`, zone);
      if (edited.before !== undefined && edited.before !== zone.name)
        await remove(path`/api/cameras/${camera.id}/zones/${edited.before}`);
    } catch (error) {
      showErrors(edited.form.element, error);
      return;
    }
    say(`“${zone.name}” is saved, and counts from now on.`);
    this.#zones = await zonesOf(camera.id, signal);
    this.#showAll();
  }

  /** @param {string} name */
  async #delete(name) {
    const { camera, signal } = this.#context;
    const text = "Its counts are forgotten, and its events end.";
    if (!(await ask({ title: `Delete “${name}”?`, text, action: "Delete", isDangerous: true }))) return;
    await remove(path`/api/cameras/${camera.id}/zones/${name}`);
    say(`“${name}” is deleted.`);
    this.#zones = await zonesOf(camera.id, signal);
    this.#showAll();
  }
}

/** @param {string} name */
function nameTaken(name) {
  return new ApiError(400, `“${name}” is taken`, [
    { key: "name", message: `“${name}” is taken; names of a camera's zones differ` },
  ]);
}
