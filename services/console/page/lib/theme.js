/** Light, dark, or as the system has it; kept in this browser. */

const KEY = "nightjar-theme";
const THEMES = /** @type {const} */ (["system", "light", "dark"]);
/** @typedef {typeof THEMES[number]} Theme */

/** @returns {Theme} */
export function theme() {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((name) => name === kept) ?? "system";
}

/** @param {Theme} next */
export function setTheme(next) {
  if (next === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  applyTheme();
}

/** @returns {Theme} the one behind */
export function nextTheme() {
  return THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? "system";
}

export function applyTheme() {
  const { dataset } = document.documentElement;
  const chosen = theme();
  if (chosen === "system") delete dataset["theme"];
  else dataset["theme"] = chosen;
  document.dispatchEvent(new CustomEvent("themechange"));
}
