/** Events as they come, newest first: the same list for one camera and for all. */
import { h, showList } from "../lib/dom.js";
import { eventText, time, tone } from "../lib/format.js";
import { pictureOf, showPicture } from "./evidence.js";

/** @import { News } from "../lib/store.js" */

/**
 * @param {Element} list
 * @param {readonly News[]} events
 * @param {boolean} withCamera
 */
export function showEvents(list, events, withCamera) {
  showList(
    list,
    events,
    ({ id }) => String(id),
    (news) => ({ element: row(news, withCamera) }),
  );
}

/**
 * @param {News} news
 * @param {boolean} withCamera
 */
function row(news, withCamera) {
  const text = newsText(news);
  const picture = pictureOf(news.data);
  const line = h(
    "div",
    { class: "event-line" },
    h(
      "span",
      { class: "dot", data: { tone: news.type === "event" ? "accent" : tone(news.data?.state ?? news.data?.step) } },
      text,
    ),
    h(
      "span",
      { class: "soft" },
      h("time", { dateTime: new Date(news.time).toISOString() }, time(news.time)),
      withCamera && news.camera ? ` · ${news.camera}` : "",
    ),
  );
  return h(
    "li",
    { class: "event" },
    picture === undefined && news.type === "event" ? h("span", { class: "thumbnail none" }) : null,
    picture === undefined ? null : thumbnail(picture, `${news.camera ?? ""} ${time(news.time)}: ${text}`, news),
    line,
  );
}

/**
 * @param {string} address
 * @param {string} caption
 * @param {News} news
 */
function thumbnail(address, caption, { data }) {
  const image = h("img", { src: address, alt: "", loading: "lazy", decoding: "async", width: 96, height: 54 });
  const button = h("button", { class: "thumbnail", type: "button", "aria-label": `Picture of ${caption}` }, image);
  // Kept for a while only.
  image.addEventListener("error", () => button.remove());
  button.addEventListener("click", () => {
    const document = h(
      "details",
      null,
      h("summary", null, "The message"),
      h("pre", null, JSON.stringify(data, null, 2)),
    );
    showPicture(address, caption, [document]);
  });
  return button;
}

/**
 * What has happened, in a line.
 * @param {News} news
 * @returns {string}
 */
export function newsText({ type, data }) {
  const why = data?.reason ? `: ${data.reason}` : "";
  switch (type) {
    case "camera":
      return data.change === "state" ? `is ${data.state}${why}` : `camera ${data.change}`;
    case "process":
      return `process ${data.name} is ${data.state}${why}`;
    case "broker":
      return `broker ${data.state}${why}`;
    case "bundle":
      return `${data.element}: ${data.bundle.name} ${data.bundle.version} ${data.step}${why}`;
    case "update":
      return `updates: ${data.state}${data.release ? ` ${data.release.channel} ${data.release.version}` : ""}`;
    default:
      return eventText(data);
  }
}
