/** A course over time, drawn by uPlot in the colours of the page. */
import uPlot from "/vendor/uplot.js";
import { h, setText, showList } from "./dom.js";

/** @typedef {{ label: string, color: string, isArea?: boolean }} Line color: name of a colour of style/tokens.css */

/** Between two times of the axis: whole minutes, seconds. */
const STEPS = [60, 120, 300, 600];
const HEIGHT = 190;
const NARROW_HEIGHT = 160;

/**
 * @param {string} title
 * @param {(value: number | null) => string} format
 * @param {AbortSignal} signal
 */
export function timeChart(title, format, signal) {
  const frame = h("div", { class: "chart" });
  const legend = h("ul", { class: "legend" });
  const element = h("section", { class: "panel", "aria-label": title }, h("h2", null, title), frame, legend);
  /** @type {uPlot | undefined} */
  let plot;
  let shape = "";
  /** @type {readonly Line[]} */
  let lines = [];
  /** @type {uPlot.AlignedData} */
  let data = [[]];

  /** The values under the pointer, or the last ones: also the words for those who cannot see the lines. @param {number | null} [at] */
  const showLegend = (at) => {
    const texts = lines.map((line, i) => ({ ...line, text: format(valueAt(data[i + 1], at)) }));
    showList(legend, texts, ({ label, color }) => `${label} ${color}`, legendRow);
  };
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(options(frame, lines, format, showLegend), data, frame);
  };
  const resized = new ResizeObserver(() => plot?.setSize(sizeOf(frame)));
  resized.observe(frame);
  document.addEventListener("themechange", draw, { signal });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal });
  signal.addEventListener("abort", () => {
    resized.disconnect();
    plot?.destroy();
  });

  /**
   * @param {readonly Line[]} nextLines
   * @param {readonly number[]} times ms since 1970
   * @param {readonly (readonly (number | null)[])[]} columns one for each line
   */
  const show = (nextLines, times, columns) => {
    lines = nextLines;
    data = /** @type {uPlot.AlignedData} */ ([times.map((ms) => ms / 1000), ...columns]);
    const nextShape = lines.map(({ label, color }) => `${label} ${color}`).join();
    if (plot === undefined || nextShape !== shape) draw();
    else plot.setData(data);
    shape = nextShape;
    showLegend();
  };
  return { element, show };
}

/**
 * @param {ArrayLike<number | null | undefined> | undefined} column
 * @param {number | null | undefined} at
 * @returns {number | null}
 */
function valueAt(column, at) {
  if (column === undefined) return null;
  return column[at ?? column.length - 1] ?? null;
}

/** @param {Line} line */
function legendRow({ label, color }) {
  const value = h("b");
  const mark = h("span", { class: "mark" });
  mark.style.background = `var(${color})`;
  return {
    element: h("li", null, mark, `${label} `, value),
    update: (/** @type {{ text: string }} */ { text }) => setText(value, text),
  };
}

/** @param {HTMLElement} frame */
function sizeOf(frame) {
  const width = Math.max(160, frame.clientWidth);
  return { width, height: width < 480 ? NARROW_HEIGHT : HEIGHT };
}

/**
 * @param {HTMLElement} frame
 * @param {readonly Line[]} lines
 * @param {(value: number | null) => string} format
 * @param {(at?: number | null) => void} pointAt
 * @returns {uPlot.Options}
 */
function options(frame, lines, format, pointAt) {
  const color = colorsOf(frame);
  const axis = {
    stroke: color("--text-soft"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  return {
    ...sizeOf(frame),
    padding: [8, 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { show: false },
    hooks: { setCursor: [({ cursor }) => pointAt(cursor.idx)] },
    scales: { y: { range: (_, __, max) => [0, niceTop(max)] } },
    axes: [
      { ...axis, values: (_, times) => times.map((at) => clock(at)), space: 64, incrs: STEPS, size: 28 },
      { ...axis, size: 58, values: (_, values) => values.map((value) => format(value).replace(/\.0(?!\d)/, "")) },
    ],
    series: [
      {},
      ...lines.map(({ label, color: name, isArea }) => ({
        label,
        stroke: color(name),
        width: 1.75,
        points: { show: false },
        ...(isArea ? { fill: color(`${name}-tint`) } : {}),
      })),
    ],
  };
}

/** A scale ends above the highest value, and never at 0. @param {number | null} max */
function niceTop(max) {
  return max === null || !(max > 0) ? 1 : max * 1.1;
}

/**
 * The canvas wants colours as they are, not by name; `light-dark()` is resolved where a colour is used.
 * @param {HTMLElement} frame
 */
function colorsOf(frame) {
  const probe = h("span", { hidden: true });
  frame.append(probe);
  /** @type {Map<string, string>} */
  const known = new Map();
  const color = (/** @type {string} */ name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    probe.style.color = `var(${name})`;
    const value = getComputedStyle(probe).color;
    known.set(name, value);
    return value;
  };
  queueMicrotask(() => probe.remove());
  return color;
}

/**
 * @param {number} seconds
 * @param {boolean} [withSeconds]
 */
function clock(seconds, withSeconds = false) {
  return new Date(seconds * 1000).toLocaleTimeString(
    "en-GB",
    withSeconds ? {} : { hour: "2-digit", minute: "2-digit" },
  );
}

/** Colours that are told apart in both themes, also by those who see few colours. */
export const LINE_COLORS = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];
