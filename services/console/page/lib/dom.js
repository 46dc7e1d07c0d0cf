/** The few things that the page does with the document: make elements, change only what differs, lists by key. */

/**
 * @typedef {string | number | Node | null | undefined | false} Child
 * @typedef {Record<string, unknown> & {
 *   class?: string,
 *   data?: Record<string, string>,
 *   on?: { [event: string]: (event: any) => void },
 * }} Properties
 */

/**
 * Makes an element: `h("p", { class: "soft", hidden: true, on: { click } }, "text", child)`. Names with a dash, and those that are no
 * properties of the element, become attributes; null, undefined and false are left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties | null} [properties]
 * @param {...(Child | readonly Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) set(element, name, value);
  element.append(...nodes(children));
  return element;
}

/**
 * The same for SVG; all properties are attributes.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {any} value
 */
function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === "class") element.className = value;
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "on")
    for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
  else if (name in element && !name.includes("-") && name !== "list" && name !== "role")
    Reflect.set(element, name, value);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** @param {readonly (Child | readonly Child[])[]} children */
function nodes(children) {
  return /** @type {(string | Node)[]} */ (
    children
      .flat()
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map((child) => (typeof child === "number" ? String(child) : child))
  );
}

/**
 * Changes a text only when it differs: a selection in it, and a reader's place, stay.
 * @param {Node} node
 * @param {string | number} text
 */
export function setText(node, text) {
  const value = String(text);
  if (node.textContent !== value) node.textContent = value;
}

/**
 * The same for several: cells of a row.
 * @param {readonly Node[]} nodes
 * @param {readonly (string | number)[]} texts
 */
export function setTexts(nodes, texts) {
  for (const [i, node] of nodes.entries()) setText(node, texts[i] ?? "");
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | undefined} value undefined takes it away
 */
export function setAttribute(element, name, value) {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * One entry of a list: its element, and how it is brought up to date.
 * @template Item
 * @typedef {{ readonly element: Element, update?: (item: Item) => void, remove?: () => void }} Row
 */

/** @type {WeakMap<Element, Map<string, Row<any>>>} */
const rowsOf = new WeakMap();

/**
 * Shows items as children of `parent`. An item that stays keeps its element, with focus, selection and pictures; elements are moved only
 * when the order changes.
 * @template Item
 * @param {Element} parent has no other children
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Row<Item>} make
 */
export function showList(parent, items, keyOf, make) {
  const rows = rowsOf.get(parent) ?? new Map();
  rowsOf.set(parent, rows);
  const keys = new Set(items.map(keyOf));
  for (const [key, row] of rows) {
    if (keys.has(key)) continue;
    row.remove?.();
    row.element.remove();
    rows.delete(key);
  }
  for (const [at, item] of items.entries()) {
    const key = keyOf(item);
    const known = rows.get(key);
    const row = known ?? make(item);
    if (known === undefined) rows.set(key, row);
    row.update?.(item);
    if (parent.children[at] !== row.element) parent.insertBefore(row.element, parent.children[at] ?? null);
  }
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}
