/** The page from its start: who is there, the frame around the views, and which of them is shown. */
import { get, messageOf, post, whenUnauthorized } from "./lib/api.js";
import { byId, h } from "./lib/dom.js";
import { Pictures } from "./lib/pictures.js";
import { href, place } from "./lib/router.js";
import { Store } from "./lib/store.js";
import { applyTheme } from "./lib/theme.js";
import { showAccount, showNavigation, showSummary } from "./parts/shell.js";
import { showLogin } from "./views/login.js";

/** @import { Session } from "./lib/store.js" */
/** @import { Mounted, View } from "./lib/view.js" */

/** By the first part of the place. Each is fetched when it is shown for the first time. @type {Record<string, () => Promise<View>>} */
const VIEWS = {
  cameras: () => import("./views/cameras.js"),
  camera: () => import("./views/camera.js"),
  events: () => import("./views/events.js"),
  charts: () => import("./views/charts.js"),
  bundles: () => import("./views/bundles.js"),
  updates: () => import("./views/updates.js"),
  system: () => import("./views/system.js"),
  log: () => import("./views/log.js"),
  doctor: () => import("./views/doctor.js"),
};

/** The session lives as long as somebody asks for something; the stream of news does not count. Milliseconds. */
const SIGN_OF_LIFE_MS = 5 * 60_000;

const store = new Store();
const pictures = new Pictures(store);
/** @type {Session | undefined} */
let session;
/** @type {{ name: string, end: AbortController, mounted: Mounted } | undefined} */
let shown;
let lastActivity = 0;

applyTheme();
window.addEventListener("hashchange", () => void showPlace(true));
store.on("connection", (connection) => {
  byId("lost").textContent = connection === "lost" ? "The connection to Nightjar is lost; trying again …" : "";
  document.body.dataset["connection"] = connection;
});
whenUnauthorized(() => void begin());
for (const type of ["pointerdown", "keydown"]) document.addEventListener(type, () => void signOfLife());
void begin();

/** Looks who is there, and shows the login or the console. */
async function begin() {
  try {
    session = /** @type {Session} */ (await get("/api/session"));
  } catch (error) {
    byId("outside").replaceChildren(h("p", { class: "waiting" }, `${messageOf(error)}. Trying again …`));
    setTimeout(() => void begin(), 2000);
    return;
  }
  if (session.role === null) leave();
  else enter(session);
}

/** @param {Session} present */
function enter(present) {
  lastActivity = Date.now();
  byId("outside").hidden = true;
  byId("outside").replaceChildren();
  byId("shell").hidden = false;
  showNavigation(byId("nav"));
  showAccount(byId("account"), present, logOut);
  showSummary(byId("summary"), byId("device"), store);
  store.open();
  void showPlace(false);
}

/** Nobody is logged in (any more): the place stays in the address, so that it is there again afterwards. */
function leave() {
  const wasInside = !byId("shell").hidden;
  // Several requests may find it out at once: what has been typed into the login stays.
  if (!wasInside && byId("outside").querySelector("form") !== null) return;
  store.close();
  closeView();
  byId("main").replaceChildren();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  byId("shell").hidden = true;
  byId("outside").hidden = false;
  showLogin(byId("outside"), wasInside ? "The session has ended. Log in to go on." : "", (present) => {
    session = present;
    enter(present);
  });
}

async function logOut() {
  await post("/api/logout");
  session = undefined;
  leave();
}

async function signOfLife() {
  if (session?.user === null || session === undefined || Date.now() - lastActivity < SIGN_OF_LIFE_MS) return;
  lastActivity = Date.now();
  const now = /** @type {Session | undefined} */ (await get("/api/session").catch(() => undefined));
  if (now?.role === null) leave();
}

/** @param {boolean} isByPerson the focus goes to the heading of what they asked for */
async function showPlace(isByPerson) {
  if (session === undefined || session.role === null) return;
  const { name, parts } = place();
  const view = VIEWS[name];
  if (view === undefined) {
    location.replace(href("cameras"));
    return;
  }
  showNavigation(byId("nav"));
  if (shown?.name === name && shown.mounted.route?.(parts)) return;
  closeView();
  const end = new AbortController();
  const next = { name, end, mounted: {} };
  shown = next;
  const main = byId("main");
  try {
    const { mount } = await view();
    if (end.signal.aborted) return;
    main.replaceChildren();
    const context = { store, pictures, signal: end.signal, canChange: session.role === "operator", session };
    next.mounted = (await mount(main, context, parts)) ?? {};
  } catch (error) {
    main.replaceChildren(h("div", { class: "failure", role: "alert" }, h("p", null, messageOf(error))));
  }
  window.scrollTo(0, 0);
  if (isByPerson) main.querySelector("h1")?.focus();
}

function closeView() {
  shown?.end.abort();
  shown = undefined;
}
