/** The fields of one zone. What is left empty is left out, so that the defaults of the server count. */
import { h, showList } from "../lib/dom.js";
import { field, formError, input, select } from "../lib/form.js";
import { icon } from "../lib/icons.js";
import { fewest, withoutPoint, withPoint } from "./geometry.js";

/** @import { Point, ZoneType } from "./geometry.js" */

/**
 * A zone as a person writes it; keys as in the configuration.
 * @typedef {{ name: string, type: ZoneType, points: readonly Point[], classes?: readonly string[] } & Record<string, unknown>} ZoneDraft
 */

/** @typedef {{ key: string, label: string, hint: string, placeholder: string, isNumber?: boolean }} Setting */

/** @type {Readonly<Record<ZoneType, readonly Setting[]>>} */
const SETTINGS = {
  line: [
    {
      key: "settle",
      label: "Settle time",
      placeholder: "300ms",
      hint: "How long an object must be across until it counts.",
    },
    {
      key: "margin",
      label: "Margin",
      placeholder: "1%",
      hint: "Farther behind the line than this, it counts at once. Of the picture's height.",
    },
  ],
  region: [
    {
      key: "dwell",
      label: "Tell who stays",
      placeholder: "off, or 30s",
      hint: "An event when somebody stays this long.",
    },
    {
      key: "crowd",
      label: "Tell of a crowd",
      placeholder: "off, or 5",
      hint: "An event when this many are inside.",
      isNumber: true,
    },
    { key: "crowdTime", label: "Crowd time", placeholder: "2s", hint: "How long there must be so many." },
    {
      key: "direction",
      label: "Allowed direction",
      placeholder: "off, or 90",
      hint: "Degrees clockwise: 0 is to the right, 90 down. An event for who goes another way.",
      isNumber: true,
    },
    {
      key: "tolerance",
      label: "Tolerance",
      placeholder: "90",
      hint: "Degrees that a direction may be off.",
      isNumber: true,
    },
    {
      key: "stride",
      label: "Stride",
      placeholder: "5%",
      hint: "Ways shorter than this are not looked at. Of the picture's height.",
    },
    {
      key: "settle",
      label: "Settle time",
      placeholder: "300ms",
      hint: "How long being inside must last until it counts.",
    },
  ],
};

/** @type {readonly (readonly [string, string])[]} */
const ANCHORS = [
  ["bottom", "Middle of its lower edge (where it stands)"],
  ["centre", "Its centre"],
  ["top", "Middle of its upper edge"],
  ["left", "Middle of its left edge"],
  ["right", "Middle of its right edge"],
];

/** @type {readonly (readonly [string, string])[]} */
const COUNTS = [
  ["both", "Both directions"],
  ["in", "In only (with the arrow)"],
  ["out", "Out only (against the arrow)"],
];

/**
 * @param {ZoneDraft} draft
 * @param {readonly string[]} labels of the detector
 * @param {{ onName(name: string): void, onPoints(points: readonly Point[]): void, onSave(): void, onCancel(): void, onDelete: (() => void) | undefined }} listener
 */
export function zoneForm(draft, labels, { onName, onPoints, onSave, onCancel, onDelete }) {
  const { type } = draft;
  const name = input("name", { value: draft.name, required: true, maxLength: 31 });
  name.addEventListener("input", () => onName(name.value));
  const points = pointTable(type, onPoints);
  const save = h("button", { class: "button primary", type: "submit" }, "Save");
  const cancel = h("button", { class: "button", type: "button", on: { click: onCancel } }, "Cancel");
  const settings = SETTINGS[type].map((setting) => settingField(setting, draft[setting.key]));
  const main = type === "region" ? settings.slice(0, 3) : [];
  const form = h(
    "form",
    { class: "form zone-form", noValidate: true },
    h(
      "div",
      { class: "fields" },
      field("name", "Name", name, { hint: "The rule in events.", wide: type === "region" }),
      type === "line" ? field("count", "Counts", select("count", COUNTS, String(draft["count"] ?? "both"))) : null,
      ...main,
    ),
    classFields(labels, draft.classes ?? []),
    points.element,
    type === "line" ? turnButton(() => onPoints(points.current().toReversed())) : null,
    h(
      "details",
      null,
      h("summary", null, "More"),
      h(
        "div",
        { class: "fields" },
        field("anchor", "What counts of an object", select("anchor", ANCHORS, String(draft["anchor"] ?? "bottom")), {
          wide: true,
        }),
        ...settings.slice(main.length),
      ),
    ),
    formError(),
    h("div", { class: "actions" }, save, cancel, onDelete === undefined ? null : deleteButton(onDelete)),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onSave();
  });
  points.show(draft.points);
  return { element: form, save, showPoints: points.show, read: () => readForm(form, type, points.current()) };
}

/**
 * @param {HTMLFormElement} form
 * @param {ZoneType} type
 * @param {readonly Point[]} points
 * @returns {ZoneDraft}
 */
function readForm(form, type, points) {
  const data = new FormData(form);
  const text = (/** @type {string} */ key) => String(data.get(key) ?? "").trim();
  const classes = data.getAll("classes").map(String);
  const settings = SETTINGS[type]
    .filter(({ key }) => text(key) !== "")
    .map(({ key, isNumber }) => [key, isNumber ? numberOf(text(key)) : text(key)]);
  return {
    name: text("name"),
    type,
    points,
    ...(classes.length === 0 ? {} : { classes }),
    ...(text("anchor") === "bottom" ? {} : { anchor: text("anchor") }),
    ...(type === "line" && text("count") !== "both" ? { count: text("count") } : {}),
    ...Object.fromEntries(settings),
  };
}

/**
 * What is no number goes to the server as it is, which says so in the words of the configuration.
 * @param {string} text
 */
function numberOf(text) {
  const number = Number(text.replace(",", "."));
  return Number.isNaN(number) ? text : number;
}

/**
 * @param {Setting} setting
 * @param {unknown} value
 */
function settingField({ key, label, hint, placeholder, isNumber }, value) {
  const control = input(key, {
    value: value === undefined ? "" : String(value),
    placeholder,
    inputMode: isNumber ? "decimal" : "text",
  });
  return field(key, label, control, { hint });
}

/**
 * @param {readonly string[]} labels
 * @param {readonly string[]} chosen
 */
function classFields(labels, chosen) {
  const all = [...new Set([...labels, ...chosen])];
  if (all.length === 0) return null;
  const boxes = all.map((label) =>
    h(
      "label",
      { class: "check" },
      h("input", { type: "checkbox", name: "classes", value: label, checked: chosen.includes(label) }),
      label,
    ),
  );
  return h(
    "fieldset",
    { class: "field wide", data: { key: "classes" } },
    h("legend", null, "Objects that count"),
    h("div", { class: "checks" }, ...boxes),
    h("p", { class: "field-hint" }, "None chosen: all."),
    h("p", { class: "field-error" }),
  );
}

/** @param {() => void} turn */
function turnButton(turn) {
  return h(
    "p",
    null,
    h("button", { class: "button", type: "button", on: { click: turn } }, icon("turn"), "Turn the direction round"),
  );
}

/** @param {() => void} onDelete */
function deleteButton(onDelete) {
  return h("button", { class: "button danger end", type: "button", on: { click: onDelete } }, icon("trash"), "Delete");
}

/**
 * The points as numbers, for those who do not use the picture, and for exact ones. Per cent of the picture.
 * @param {ZoneType} type
 * @param {(points: readonly Point[]) => void} onPoints
 */
function pointTable(type, onPoints) {
  /** @type {readonly Point[]} */
  let points = [];
  const rows = h("ol", { class: "points" });
  const element = h(
    "fieldset",
    { class: "field wide", data: { key: "points" } },
    h("legend", null, "Points, % from the left and from the top"),
    rows,
    h("p", { class: "field-error" }),
  );
  /** @param {number} at */
  const row = (at) => {
    const number = (/** @type {0 | 1} */ axis) => {
      const control = h("input", {
        type: "number",
        min: "0",
        max: "100",
        step: "0.1",
        "aria-label": `Point ${at + 1}, ${axis === 0 ? "from the left" : "from the top"}, %`,
      });
      control.addEventListener("change", () => {
        const point = /** @type {Point} */ (points[at]);
        const value = Number(control.value) / 100;
        onPoints(withPoint(points, at, axis === 0 ? [value, point[1]] : [point[0], value]));
      });
      return control;
    };
    const [x, y] = [number(0), number(1)];
    const drop = h(
      "button",
      { class: "icon-button", type: "button", "aria-label": `Remove point ${at + 1}` },
      icon("close"),
    );
    drop.addEventListener("click", () => onPoints(withoutPoint(points, at, type)));
    const update = (/** @type {{ point: Point }} */ { point }) => {
      for (const [control, value] of /** @type {const} */ ([
        [x, point[0]],
        [y, point[1]],
      ])) {
        const text = (value * 100).toFixed(1);
        if (Number(control.value) !== Number(text) && document.activeElement !== control) control.value = text;
        else if (control.value === "") control.value = text;
      }
      drop.hidden = points.length <= fewest(type);
    };
    return { element: h("li", null, x, y, drop), update };
  };
  const show = (/** @type {readonly Point[]} */ next) => {
    points = next;
    showList(
      rows,
      points.map((point, at) => ({ point, at })),
      ({ at }) => String(at),
      ({ at }) => row(at),
    );
  };
  return { element, show, current: () => points };
}

/**
 * A line of words about a zone, for the list.
 * @param {ZoneDraft} zone
 */
export function zoneSummary(zone) {
  const words = [zone.classes?.join(", ") ?? "all objects"];
  if (zone["dwell"] !== undefined) words.push(`stay ${zone["dwell"]}`);
  if (zone["crowd"] !== undefined) words.push(`crowd of ${zone["crowd"]}`);
  if (zone["direction"] !== undefined) words.push(`direction ${zone["direction"]}°`);
  if (zone["count"] !== undefined && zone["count"] !== "both") words.push(`${zone["count"]} only`);
  return words.join(" · ");
}
