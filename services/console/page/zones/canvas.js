/**
 * Zones over the picture: shows them, and lets a person draw one and move its points, by mouse, finger and keyboard. It knows nothing of the
 * server: points come in and go out in shares of the picture.
 */
import { setAttribute, setText, showList, svg } from "../lib/dom.js";
import {
  centre,
  fewest,
  inArrow,
  inPicture,
  inTheMiddle,
  MOST_POINTS,
  middles,
  moved,
  withoutPoint,
  withPoint,
} from "./geometry.js";

/** @import { Point, ZoneType } from "./geometry.js" */

/**
 * @typedef {{ name: string, type: ZoneType, points: readonly Point[], isChosen: boolean }} Shape
 * @typedef {{
 *   onPoints(points: readonly Point[]): void,
 *   onDrawn(points: readonly Point[] | undefined): void,
 *   onChoose(name: string): void,
 * }} Listener
 * onPoints: the chosen zone has been changed; onDrawn: the drawing is done (undefined: given up); onChoose: a zone was clicked
 */

/** Arrow keys move a point so far; with Shift ten times as far. Shares of the picture. */
const STEP = 0.005;
/** A line may be drawn by dragging; shorter than this it was a click. Pixels. */
const DRAG_PIXELS = 10;
/** So near to the first point, a click closes the region. Pixels. */
const CLOSE_PIXELS = 14;
const ARROW_PIXELS = 26;

/** @type {Readonly<Record<string, Point>>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class ZoneCanvas {
  #shapes = /** @type {readonly Shape[]} */ ([]);
  /** @type {{ type: ZoneType, points: Point[], pointer: Point | undefined, from: Point | undefined } | undefined} */
  #drawing;
  /** What the pointer holds. @type {{ at: number, last: Point } | undefined} at -1: the whole zone */
  #held;
  #size = { width: 1, height: 1 };
  #listener;
  #outlines = svg("g");
  #sketch = svg("g", { class: "sketch" });
  #middles = svg("g");
  #handles = svg("g");
  #element = svg("svg", { class: "zone-canvas" }, this.#outlines, this.#sketch, this.#middles, this.#handles);

  /**
   * @param {HTMLElement} stage lies over the picture
   * @param {Listener} listener
   * @param {AbortSignal} signal
   */
  constructor(stage, listener, signal) {
    this.#listener = listener;
    stage.append(this.#element);
    const resized = new ResizeObserver(() => this.#resize());
    resized.observe(stage);
    signal.addEventListener("abort", () => {
      resized.disconnect();
      this.#element.remove();
    });
    this.#element.addEventListener("pointerdown", (event) => this.#down(event));
    this.#element.addEventListener("pointermove", (event) => this.#move(event));
    this.#element.addEventListener("pointerup", (event) => this.#up(event));
    this.#element.addEventListener("pointercancel", () => this.#release());
    this.#element.addEventListener("dblclick", () => this.#finish());
    this.#element.addEventListener("keydown", (event) => this.#drawKey(event));
    this.#resize();
  }

  /** @param {readonly Shape[]} shapes */
  show(shapes) {
    this.#shapes = shapes;
    this.#render();
  }

  /** @param {ZoneType} type */
  draw(type) {
    this.#drawing = { type, points: [], pointer: undefined, from: undefined };
    setAttribute(this.#element, "tabindex", "0");
    setAttribute(this.#element, "role", "application");
    setAttribute(this.#element, "aria-label", `Draw the ${type}. Enter puts it into the middle, Escape gives up.`);
    this.#element.focus();
    this.#render();
  }

  /** The drawing ends without a zone. */
  stopDrawing() {
    this.#drawing = undefined;
    for (const name of ["tabindex", "role", "aria-label"]) setAttribute(this.#element, name, undefined);
    this.#render();
  }

  /** What is drawn is done; what is too little for a zone becomes one in the middle. */
  finishDrawing() {
    const drawing = this.#drawing;
    if (drawing === undefined) return;
    if (drawing.points.length < fewest(drawing.type)) drawing.points = inTheMiddle(drawing.type);
    this.#finish();
  }

  get #chosen() {
    return this.#drawing === undefined ? this.#shapes.find(({ isChosen }) => isChosen) : undefined;
  }

  #resize() {
    const { width, height } = this.#element.getBoundingClientRect();
    this.#size = { width: Math.max(1, width), height: Math.max(1, height) };
    this.#element.setAttribute("viewBox", `0 0 ${this.#size.width} ${this.#size.height}`);
    this.#render();
  }

  /** @param {Point} point @returns {Point} */
  #pixels([x, y]) {
    return [x * this.#size.width, y * this.#size.height];
  }

  /** @param {PointerEvent} event @returns {Point} */
  #shareOf(event) {
    const { left, top } = this.#element.getBoundingClientRect();
    return inPicture([(event.clientX - left) / this.#size.width, (event.clientY - top) / this.#size.height]);
  }

  /** @param {Point} a @param {Point} b */
  #distance(a, b) {
    const [[ax, ay], [bx, by]] = [this.#pixels(a), this.#pixels(b)];
    return Math.hypot(ax - bx, ay - by);
  }

  // Pointer

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button !== 0) return;
    const point = this.#shareOf(event);
    if (this.#drawing !== undefined) {
      event.preventDefault();
      this.#element.setPointerCapture(event.pointerId);
      this.#drawPoint(point);
      return;
    }
    const target = event.target instanceof Element ? event.target.closest("[data-part]") : null;
    const { part = "", index = "", name = "" } = target instanceof SVGElement ? target.dataset : {};
    if (part === "outline" && name !== this.#chosen?.name) this.#listener.onChoose(name);
    const chosen = this.#chosen;
    if (chosen === undefined || part === "") return;
    this.#element.setPointerCapture(event.pointerId);
    if (part === "middle") this.#insert(chosen, Number(index), point);
    const at = part === "outline" ? -1 : part === "middle" ? Number(index) + 1 : Number(index);
    this.#held = { at, last: point };
    if (part !== "outline") this.#focusHandle(at);
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const point = this.#shareOf(event);
    if (this.#drawing !== undefined) {
      this.#drawing.pointer = point;
      this.#render();
      return;
    }
    const chosen = this.#chosen;
    if (this.#held === undefined || chosen === undefined) return;
    const { at, last } = this.#held;
    this.#held = { at, last: point };
    if (at < 0) this.#listener.onPoints(moved(chosen.points, point[0] - last[0], point[1] - last[1]));
    else this.#listener.onPoints(withPoint(chosen.points, at, point));
  }

  /** @param {PointerEvent} event */
  #up(event) {
    const drawing = this.#drawing;
    this.#release();
    if (drawing?.from === undefined || drawing.type !== "line") return;
    const point = this.#shareOf(event);
    // A line drawn in one go: pressed at its beginning, let go at its end.
    if (drawing.points.length === 1 && this.#distance(drawing.from, point) >= DRAG_PIXELS) {
      drawing.points.push(point);
      this.#finish();
    }
    drawing.from = undefined;
  }

  #release() {
    this.#held = undefined;
  }

  // Drawing

  /** @param {Point} point */
  #drawPoint(point) {
    const drawing = this.#drawing;
    if (drawing === undefined) return;
    const [first] = drawing.points;
    const closes = first !== undefined && drawing.type === "region" && this.#distance(first, point) < CLOSE_PIXELS;
    if (closes && drawing.points.length >= fewest("region")) return this.#finish();
    const last = drawing.points.at(-1);
    // The second press of a double click is where the first one was.
    if (last !== undefined && this.#distance(last, point) < 3) return;
    drawing.points.push(point);
    drawing.from = point;
    if (drawing.points.length === MOST_POINTS) this.#finish();
    this.#render();
  }

  #finish() {
    const drawing = this.#drawing;
    if (drawing === undefined || drawing.points.length < fewest(drawing.type)) return;
    this.stopDrawing();
    this.#listener.onDrawn(drawing.points);
  }

  /** @param {KeyboardEvent} event */
  #drawKey(event) {
    const drawing = this.#drawing;
    if (drawing === undefined) return;
    if (event.key === "Escape") {
      this.stopDrawing();
      this.#listener.onDrawn(undefined);
    } else if (event.key === "Enter") {
      this.finishDrawing();
    } else if (event.key === "Backspace") {
      drawing.points.pop();
      this.#render();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Points of the chosen zone

  /**
   * @param {Shape} chosen
   * @param {number} side
   * @param {Point} point
   */
  #insert(chosen, side, point) {
    if (chosen.points.length < MOST_POINTS) this.#listener.onPoints(chosen.points.toSpliced(side + 1, 0, point));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} at
   */
  #handleKey(event, at) {
    const chosen = this.#chosen;
    const point = chosen?.points[at];
    if (chosen === undefined || point === undefined) return;
    const arrow = ARROWS[event.key];
    if (arrow !== undefined) {
      const step = event.shiftKey ? STEP * 10 : STEP;
      this.#listener.onPoints(withPoint(chosen.points, at, [point[0] + arrow[0] * step, point[1] + arrow[1] * step]));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.#listener.onPoints(withoutPoint(chosen.points, at, chosen.type));
      this.#focusHandle(Math.max(0, at - 1));
    } else if (event.key === "Insert" || event.key === "+") {
      const middle = middles(chosen.points, chosen.type)[at];
      if (middle !== undefined) this.#insert(chosen, at, middle);
    } else return;
    event.preventDefault();
  }

  /** @param {number} at */
  #focusHandle(at) {
    const handle = this.#handles.children[at];
    if (handle instanceof SVGElement) handle.focus({ preventScroll: true });
  }

  // Showing

  #render() {
    const chosen = this.#chosen;
    this.#element.classList.toggle("active", this.#drawing !== undefined || chosen !== undefined);
    this.#element.classList.toggle("drawing", this.#drawing !== undefined);
    showList(
      this.#outlines,
      this.#shapes.map((shape, i) => ({ ...shape, key: `${i} ${shape.type}` })),
      ({ key }) => key,
      (shape) => this.#outline(shape),
    );
    const points = chosen?.points ?? [];
    showList(
      this.#handles,
      points.map((point, i) => ({ point, i, of: points.length })),
      ({ i }) => String(i),
      ({ i }) => this.#handle(i),
    );
    const between = chosen === undefined ? [] : middles(points, chosen.type);
    showList(
      this.#middles,
      between.map((point, i) => ({ point, i })),
      ({ i }) => String(i),
      ({ i }) => this.#middle(i),
    );
    this.#renderSketch();
  }

  #renderSketch() {
    const { type = "line", points = [], pointer } = this.#drawing ?? {};
    const way = [...points, ...(pointer === undefined ? [] : [pointer])].map((point) => this.#pixels(point).join(","));
    const shape = svg(type === "region" ? "polygon" : "polyline", { points: way.join(" "), class: "outline chosen" });
    const dots = points.map((point) => {
      const [cx, cy] = this.#pixels(point);
      return svg("circle", { cx, cy, r: 6, class: "dot-shape" });
    });
    this.#sketch.replaceChildren(...(this.#drawing === undefined ? [] : [shape, ...dots]));
  }

  /** @param {Shape} shape */
  #outline({ type }) {
    const hit = svg(type === "region" ? "polygon" : "polyline", { class: "hit", "data-part": "outline" });
    const line = svg(type === "region" ? "polygon" : "polyline", { class: "outline" });
    const arrow = svg("path", { class: "arrow" });
    const label = svg("text", { class: "label" });
    const element = svg("g", { class: type }, line, arrow, label, hit);
    const update = (/** @type {Shape} */ { name, points, isChosen }) => {
      hit.dataset["name"] = name;
      const pixels = points.map((point) => this.#pixels(point));
      const text = pixels.map((point) => point.join(",")).join(" ");
      for (const shape of [hit, line]) setAttribute(shape, "points", text);
      line.classList.toggle("chosen", isChosen);
      // The picture shows those that are at work, with their counts.
      setAttribute(arrow, "d", type === "line" && isChosen ? arrowPath(pixels) : "");
      const [x, y] = type === "line" ? (pixels[0] ?? [0, 0]) : centre(pixels);
      setAttribute(label, "x", String(x));
      setAttribute(label, "y", String(type === "line" ? y + 24 : y));
      setAttribute(label, "text-anchor", type === "line" ? (x > this.#size.width / 2 ? "end" : "start") : "middle");
      setText(label, isChosen ? name : "");
    };
    return { element, update };
  }

  /** @param {number} at */
  #handle(at) {
    const element = svg(
      "g",
      { class: "handle", tabindex: "0", role: "button", "data-part": "point", "data-index": at },
      svg("circle", { r: 18, class: "reach" }),
      svg("circle", { r: 7, class: "knob" }),
    );
    element.addEventListener("keydown", (event) => this.#handleKey(event, at));
    const update = (/** @type {{ point: Point, of: number }} */ { point, of }) => {
      setAttribute(element, "transform", `translate(${this.#pixels(point).join(" ")})`);
      const [x, y] = point.map((value) => `${(value * 100).toFixed(1)} %`);
      const label = `Point ${at + 1} of ${of}: ${x} from the left, ${y} from the top. Arrow keys move it, Delete removes it.`;
      setAttribute(element, "aria-label", label);
    };
    return { element, update };
  }

  /** @param {number} side */
  #middle(side) {
    const element = svg(
      "g",
      { class: "middle", "data-part": "middle", "data-index": side },
      svg("circle", { r: 14, class: "reach" }),
      svg("circle", { r: 4, class: "knob" }),
    );
    const update = (/** @type {{ point: Point }} */ { point }) =>
      setAttribute(element, "transform", `translate(${this.#pixels(point).join(" ")})`);
    return { element, update };
  }
}

/** @param {readonly Point[]} pixels */
function arrowPath(pixels) {
  const arrow = inArrow(pixels, ARROW_PIXELS);
  if (arrow === undefined) return "";
  const { from, to } = arrow;
  const [ux, uy] = [(to[0] - from[0]) / ARROW_PIXELS, (to[1] - from[1]) / ARROW_PIXELS];
  const wing = (/** @type {number} */ side) => `${to[0] - ux * 8 - uy * 5 * side} ${to[1] - uy * 8 + ux * 5 * side}`;
  return `M${from.join(" ")}L${to.join(" ")}M${wing(1)}L${to.join(" ")}L${wing(-1)}`;
}
