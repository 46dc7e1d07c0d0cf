/** Which view is shown: the part of the address behind #, as in #/cameras/gate/zones. */

/** @typedef {{ name: string, parts: readonly string[] }} Place */

/** @returns {Place} */
export function place() {
  const [name = "", ...parts] = location.hash
    .replace(/^#\/?/, "")
    .split("/")
    .map((part) => decodePart(part));
  return { name, parts };
}

/**
 * The address of a place: href("cameras", id, "zones").
 * @param {string} name
 * @param {...string} parts
 */
export function href(name, ...parts) {
  return `#/${[name, ...parts].map(encodeURIComponent).join("/")}`;
}

/** @param {string} part */
function decodePart(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
