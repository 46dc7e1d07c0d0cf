/** Updates over the air: what there is, what is under way, and what became of those before. */
import { get, post } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { h, setText } from "../lib/dom.js";
import { bytes, duration, percent, time, tone } from "../lib/format.js";
import { act, say } from "../lib/notice.js";
import { dot, empty, figures, fill, panel, table, viewHead } from "../lib/view.js";

/** @import { HistoryEntry } from "../../../updater/database.ts" */
/** @import { ChannelView, UpdateStatus } from "../../../updater/types.ts" */
/** @import { Context } from "../lib/view.js" */

/**
 * @param {HTMLElement} root
 * @param {Context} context
 */
export function mount(root, { store, signal, canChange }) {
  const body = h("div", { class: "stack" });
  const check = h("button", { class: "button primary", type: "button", hidden: true }, "Look for updates");
  check.addEventListener("click", () => void act(check, () => post("/api/update/check").then(show)));
  root.append(viewHead("Updates", canChange ? check : null), body);
  /** @type {ReturnType<typeof updatesView> | undefined} */
  let view;
  /** @param {UpdateStatus} status */
  function show(status) {
    check.hidden = !status.enabled;
    if (!status.enabled) {
      const text = "Set updates.repository in nightjar.yaml, and this device takes signed bundles from there.";
      body.replaceChildren(empty("No repository is configured", text));
      return;
    }
    view ??= updatesView(body, canChange, show);
    view.show(status);
  }
  const load = () => Promise.all([get("/api/update", signal), get("/api/update/history?limit=50", signal)]);
  const showBoth = (/** @type {[UpdateStatus, HistoryEntry[]]} */ [status, history]) => {
    show(status);
    view?.showHistory(history);
  };
  void fill(body, load, showBoth);
  store.on(
    "update",
    (status) => {
      show(status);
      if (!status.busy)
        void get("/api/update/history?limit=50", signal).then(
          (history) => view?.showHistory(history),
          () => undefined,
        );
    },
    signal,
  );
}

/**
 * @param {HTMLElement} body
 * @param {boolean} canChange
 * @param {(status: UpdateStatus) => void} show
 */
function updatesView(body, canChange, show) {
  const state = h("span", { class: "dot", role: "status" });
  // Not read out: it changes all the time.
  const done = h("span", { class: "soft" });
  const bar = h("progress", { max: 1, hidden: true, "aria-label": "Download" });
  const numbers = figures(
    [
      ["repository", "repository"],
      ["mode", "releases are"],
      ["last", "last look"],
      ["next", "next look"],
      ["fresh", "metadata good until"],
    ],
    "figures small roomy",
  );
  const problem = h("p", { class: "trouble" });
  const channels = table("Channels", ["Channel", "Installed", "Available", "Why not now", ""]);
  const blocked = table("Blocked releases", ["Channel", "Version", "Failures", "Why", "When"]);
  const blockedPanel = panel("Not tried any more", blocked.element);
  const past = table("History", ["When", "Channel", "Version", "How it ended", "Why"]);
  body.replaceChildren(
    panel("Now", h("p", { class: "line" }, state, done), bar, numbers.element, problem),
    panel("Channels", channels.element),
    blockedPanel,
    panel("History", past.element),
  );
  /** @param {UpdateStatus} status */
  const showStatus = (status) => {
    const { release, progress, lastCheck, nextCheck, metadata } = status;
    const what = release === null ? "" : ` ${release.channel} ${release.version} for ${release.element}`;
    setText(state, `${status.state}${what}`);
    state.dataset["tone"] = status.busy ? "warn" : tone(status.state);
    bar.hidden = progress === null;
    if (progress !== null) bar.value = progress.of === 0 ? 0 : progress.done / progress.of;
    setText(done, progress === null ? "" : `${bytes(progress.done)} of ${bytes(progress.of)} (${percent(bar.value)})`);
    const until = Math.min(...Object.values(metadata.expires));
    numbers.set({
      repository: status.repository,
      mode: status.automatic ? "installed by themselves" : "installed when asked for",
      last: lastCheck === null ? "never" : time(lastCheck.at),
      next: nextCheck === null ? "none planned" : `in ${duration(nextCheck - Date.now())}`,
      fresh: Number.isFinite(until) ? time(until) : "–",
    });
    setText(problem, [lastCheck?.problem ?? "", status.clock].filter((text) => text !== "").join(" · "));
    channels.body.replaceChildren(
      ...status.channels.map((channel) => channelRow(channel, canChange && !status.busy, show)),
    );
    blockedPanel.hidden = status.blocked.length === 0;
    blocked.body.replaceChildren(
      ...status.blocked.map((entry) =>
        row(entry.channel, entry.version, String(entry.failures), String(entry.blocked ?? ""), time(entry.at)),
      ),
    );
  };
  /** @param {readonly HistoryEntry[]} history */
  const showHistory = (history) => {
    const rows = history.map((entry) => {
      const ended = h("td", null, dot(entry.state, tone(entry.state)));
      return h(
        "tr",
        null,
        h("td", null, time(entry.at)),
        h("td", null, entry.channel),
        h("td", null, entry.version),
        ended,
        h("td", null, entry.reason),
      );
    });
    past.body.replaceChildren(
      ...(rows.length === 0
        ? [h("tr", null, h("td", { colSpan: 5, class: "soft" }, "Nothing has been installed yet."))]
        : rows),
    );
  };
  return { show: showStatus, showHistory };
}

/** @param {...string} texts */
function row(...texts) {
  return h("tr", null, ...texts.map((text) => h("td", null, text)));
}

/**
 * @param {ChannelView} channel
 * @param {boolean} canChange
 * @param {(status: UpdateStatus) => void} show
 */
function channelRow({ name, installed, available, reason }, canChange, show) {
  const install = h(
    "button",
    { class: "button small", type: "button", "aria-label": `Install ${name} ${available}` },
    "Install",
  );
  install.addEventListener(
    "click",
    () =>
      void act(install, async () =>
        show(await post("/api/update/install", { channel: name, version: available ?? undefined })),
      ),
  );
  const back = h("button", { class: "button small", type: "button", "aria-label": `Roll ${name} back` }, "Roll back");
  back.addEventListener("click", () => {
    void act(back, async () => {
      const text = `What served before ${installed} serves again, and ${installed} is not taken again by itself.`;
      if (!(await ask({ title: `Roll ${name} back?`, text, action: "Roll back" }))) return;
      show(await post("/api/update/rollback", { channel: name }));
      say(`${name} goes back.`);
    });
  });
  const actions = h("td", { class: "row-actions" });
  if (canChange && available !== null && available !== installed) actions.append(install);
  if (canChange && installed !== null) actions.append(back);
  return h(
    "tr",
    null,
    h("th", { scope: "row" }, name),
    h("td", null, installed ?? "as configured"),
    h("td", null, available ?? "–"),
    h("td", null, reason),
    actions,
  );
}
