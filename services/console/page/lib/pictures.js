/**
 * Live pictures of cameras. A picture is fetched only while somebody can see it: in the window, in a page that is on top. The browser has
 * six connections for one address, so the first pictures are streams and the rest single pictures, one a second.
 */
import { path } from "./api.js";

/** Leaves connections for the news and for requests. */
const MAX_STREAMS = 4;
const SNAPSHOT_MS = 1000;
/** Shows nothing, and makes the browser end the stream that was there. */
export const BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/** @typedef {"off" | "stream" | "pictures"} Mode */

class LivePicture {
  /** @type {Mode} */
  mode = "off";
  isInSight = false;
  isWanted = false;
  #image;
  #camera;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {HTMLImageElement} image
   * @param {string} camera
   */
  constructor(image, camera) {
    this.#image = image;
    this.#camera = camera;
    image.src = BLANK;
    image.hidden = true;
    // A picture that did not come: the browser would show that it is broken.
    image.addEventListener("error", () => {
      image.hidden = true;
    });
    image.addEventListener("load", () => {
      image.hidden = this.mode === "off";
    });
  }

  get image() {
    return this.#image;
  }

  /** @param {Mode} mode */
  set(mode) {
    if (this.mode === mode) return;
    this.mode = mode;
    clearInterval(this.#timer);
    if (mode === "off") {
      this.#image.hidden = true;
      this.#image.src = BLANK;
    }
    if (mode === "stream") this.#image.src = `${path`/api/cameras/${this.#camera}/live`}?${Date.now()}`;
    if (mode === "pictures") {
      this.#snapshot();
      this.#timer = setInterval(() => this.#snapshot(), SNAPSHOT_MS);
    }
  }

  /** The next picture is asked for when the last one is there: a slow line gets fewer. */
  #snapshot() {
    if (!this.#image.complete) return;
    this.#image.src = `${path`/api/cameras/${this.#camera}/snapshot.jpg`}?${Date.now()}`;
  }
}

export class Pictures {
  /** @type {Set<LivePicture>} */
  #pictures = new Set();
  #sight = new IntersectionObserver((entries) => this.#seen(entries));

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    document.addEventListener("visibilitychange", () => this.#refresh());
    // Streams broke with the connection, and the browser does not say so.
    store.on("connection", (connection) => {
      if (connection === "live") this.#restart();
    });
  }

  /**
   * Shows a camera in an image until the signal ends it.
   * @param {HTMLImageElement} image
   * @param {string} camera
   * @param {AbortSignal} [signal]
   * @returns {{ play(isPlaying: boolean): void, close(): void }} play: whether the camera has pictures
   */
  show(image, camera, signal) {
    const picture = new LivePicture(image, camera);
    this.#pictures.add(picture);
    this.#sight.observe(image.parentElement ?? image);
    const close = () => {
      if (!this.#pictures.delete(picture)) return;
      this.#sight.unobserve(image.parentElement ?? image);
      picture.set("off");
      this.#refresh();
    };
    signal?.addEventListener("abort", close);
    const play = (/** @type {boolean} */ isPlaying) => {
      if (picture.isWanted === isPlaying) return;
      picture.isWanted = isPlaying;
      this.#refresh();
    };
    return { play, close };
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #seen(entries) {
    for (const { target, isIntersecting } of entries)
      for (const picture of this.#pictures)
        if (picture.image === target || picture.image.parentElement === target) picture.isInSight = isIntersecting;
    this.#refresh();
  }

  #refresh() {
    const isOnTop = document.visibilityState === "visible";
    let streams = 0;
    for (const picture of this.#pictures) {
      if (!isOnTop || !picture.isInSight || !picture.isWanted) picture.set("off");
      else if (streams < MAX_STREAMS) {
        streams += 1;
        picture.set("stream");
      } else picture.set("pictures");
    }
  }

  #restart() {
    for (const picture of this.#pictures) picture.set("off");
    this.#refresh();
  }
}
