/** Events as they come, newest first: the same list for one camera and for all. */
import { h, showList } from "../lib/dom.js";
import { eventText, time, tone } from "../lib/format.js";
import { pictureOf, showPicture } from "./evidence.js";

/** @import { News } from "../lib/store.js" */

/** A picture that is not there yet is asked for once more. Milliseconds. */
const LATE_MS = 1500;

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
    picture === undefined && news.type === "event" ? noPicture() : null,
    picture === undefined ? null : thumbnail(picture, `${news.camera ?? ""} ${time(news.time)}: ${text}`, news),
    line,
  );
}

function noPicture() {
  return h("span", { class: "thumbnail none" });
}

/**
 * @param {string} address
 * @param {string} caption
 * @param {News} news
 */
function thumbnail(address, caption, { data }) {
  const image = h("img", { src: address, alt: "", loading: "lazy", decoding: "async", width: 96, height: 54 });
  const button = h("button", { class: "thumbnail", type: "button", "aria-label": `Picture of ${caption}` }, image);
  let isLate = false;
  image.addEventListener("load", () => {
    image.hidden = false;
  });
  image.addEventListener("error", () => {
    image.hidden = true;
    // The event is told before its picture is on the disk; and pictures are kept for a while only.
    if (isLate) return button.replaceWith(noPicture());
    isLate = true;
    setTimeout(() => {
      // What is hidden is not in sight, and a lazy picture would not be fetched.
      image.loading = "eager";
      image.src = address;
    }, LATE_MS);
  });
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
