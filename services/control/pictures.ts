/**
 * Live pictures: from the pipeline's picture records to whoever looks. The pipeline draws and encodes a camera only while somebody
 * watches it, and a viewer who reads slowly gets fewer pictures: a picture that cannot be sent at once is skipped, never queued.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const BOUNDARY = "nightjar-picture";

/** A page that is reloaded comes back at once; the pipeline need not stop and start for that. Milliseconds. */
const LINGER_MS = 2000;

/** A viewer that takes nothing for so long is gone, or holds us up: it is cut off. Milliseconds. */
const STUCK_MS = 30_000;

/** A picture of this age still serves as a snapshot, milliseconds. */
const FRESH_MS = 1000;

interface Viewer {
  readonly response: ServerResponse;
  /** When its connection first had no room; undefined: it has. Milliseconds since 1970. */
  stuckSince: number | undefined;
}

interface Channel {
  readonly viewers: Set<Viewer>;
  readonly waiting: Set<(picture: Buffer) => void>;
  readonly followers: Set<(picture: Buffer) => void>;
  latest: { readonly picture: Buffer; readonly at: number } | undefined;
  watched: boolean;
  linger: NodeJS.Timeout | undefined;
}

export class Pictures {
  readonly #channels = new Map<string, Channel>();
  readonly #watch: (camera: string, on: boolean) => void;
  readonly mostViewers: number;
  readonly headers = {
    "content-type": `multipart/x-mixed-replace; boundary=${BOUNDARY}`,
    connection: "close",
  };

  /**
   * @param watch opens or closes the picture branch of a camera
   * @param mostViewers of all cameras together
   */
  constructor(watch: (camera: string, on: boolean) => void, mostViewers = Number.POSITIVE_INFINITY) {
    this.#watch = watch;
    this.mostViewers = mostViewers;
  }

  get isFull(): boolean {
    let viewers = 0;
    for (const channel of this.#channels.values()) viewers += channel.viewers.size;
    return viewers >= this.mostViewers;
  }

  /** A picture of a camera has come. */
  push(camera: string, picture: Buffer, now: number): void {
    const channel = this.#channels.get(camera);
    if (channel === undefined) return;
    channel.latest = { picture, at: now };
    for (const resolve of channel.waiting) resolve(picture);
    channel.waiting.clear();
    for (const viewer of channel.viewers) sendPart(viewer, picture, now);
    for (const take of channel.followers) take(picture);
  }

  /** Sends the camera's pictures until the viewer leaves; the answer has begun, with `headers`. */
  view(camera: string, response: ServerResponse): void {
    const channel = this.#channel(camera);
    const viewer: Viewer = { response, stuckSince: undefined };
    channel.viewers.add(viewer);
    this.#adjust(camera, channel);
    response.once("close", () => {
      channel.viewers.delete(viewer);
      this.#adjust(camera, channel);
    });
  }

  /** One picture; undefined when none came in time. */
  async snapshot(camera: string, timeoutMs: number): Promise<Buffer | undefined> {
    const channel = this.#channel(camera);
    if (channel.latest !== undefined && Date.now() - channel.latest.at < FRESH_MS) return channel.latest.picture;
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    channel.waiting.add(resolve);
    this.#adjust(camera, channel);
    const late = new AbortController();
    const picture = await Promise.race([
      promise,
      sleep(timeoutMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    channel.waiting.delete(resolve);
    this.#adjust(camera, channel);
    return picture;
  }

  /** Every picture from now on. @returns what ends it */
  follow(camera: string, take: (picture: Buffer) => void = () => undefined): () => void {
    const channel = this.#channel(camera);
    // Two followers with the same function are two.
    const follower = (picture: Buffer) => take(picture);
    channel.followers.add(follower);
    this.#adjust(camera, channel);
    return () => {
      channel.followers.delete(follower);
      this.#adjust(camera, channel);
    };
  }

  isFollowed(camera: string): boolean {
    return (this.#channels.get(camera)?.followers.size ?? 0) > 0;
  }

  /** The last picture, when it is not older than this; of a camera that somebody watches or follows. */
  latest(camera: string, withinMs: number): Buffer | undefined {
    const latest = this.#channels.get(camera)?.latest;
    return latest !== undefined && Date.now() - latest.at <= withinMs ? latest.picture : undefined;
  }

  viewers(camera: string): number {
    return this.#channels.get(camera)?.viewers.size ?? 0;
  }

  /** Cameras whose pictures are wanted: a new pipeline process has to be told again. */
  watched(): string[] {
    return [...this.#channels].filter(([, channel]) => channel.watched).map(([camera]) => camera);
  }

  /** The camera is gone: its viewers' streams end. */
  remove(camera: string): void {
    const channel = this.#channels.get(camera);
    if (channel === undefined) return;
    this.#channels.delete(camera);
    clearTimeout(channel.linger);
    for (const { response } of channel.viewers) response.end();
  }

  close(): void {
    for (const camera of [...this.#channels.keys()]) this.remove(camera);
  }

  #channel(camera: string): Channel {
    const known = this.#channels.get(camera);
    if (known !== undefined) return known;
    const channel: Channel = {
      viewers: new Set(),
      waiting: new Set(),
      followers: new Set(),
      latest: undefined,
      watched: false,
      linger: undefined,
    };
    this.#channels.set(camera, channel);
    return channel;
  }

  #adjust(camera: string, channel: Channel): void {
    const wanted = channel.viewers.size + channel.waiting.size + channel.followers.size > 0;
    clearTimeout(channel.linger);
    if (wanted && !channel.watched) {
      channel.watched = true;
      this.#watch(camera, true);
    } else if (!wanted && channel.watched) {
      channel.linger = setTimeout(() => this.#unwatch(camera, channel), LINGER_MS).unref();
    }
  }

  #unwatch(camera: string, channel: Channel): void {
    if (this.#channels.get(camera) !== channel) return;
    channel.watched = false;
    channel.latest = undefined;
    this.#watch(camera, false);
  }
}

function sendPart(viewer: Viewer, picture: Buffer, now: number): void {
  const { response } = viewer;
  if (response.destroyed) return;
  if (response.writableLength > 0) {
    viewer.stuckSince ??= now;
    if (now - viewer.stuckSince > STUCK_MS) response.destroy();
    return;
  }
  viewer.stuckSince = undefined;
  response.cork();
  response.write(`--${BOUNDARY}\r\ncontent-type: image/jpeg\r\ncontent-length: ${picture.length}\r\n\r\n`);
  response.write(picture);
  response.write("\r\n");
  response.uncork();
}
