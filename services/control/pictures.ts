/**
 * Live pictures: from the pipeline's picture records to whoever looks. The pipeline draws and encodes a camera only while somebody
 * watches it, and a viewer who reads slowly gets fewer pictures: a picture that cannot be sent at once is skipped, never queued.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const BOUNDARY = "nightjar-picture";

/** A page that is reloaded comes back at once; the pipeline need not stop and start for that. Milliseconds. */
const LINGER_MS = 2000;

/** A picture of this age still serves as a snapshot, milliseconds. */
const FRESH_MS = 1000;

interface Channel {
  readonly viewers: Set<ServerResponse>;
  readonly waiting: Set<(picture: Buffer) => void>;
  readonly followers: Set<(picture: Buffer) => void>;
  latest: { readonly picture: Buffer; readonly at: number } | undefined;
  watched: boolean;
  linger: NodeJS.Timeout | undefined;
}

export class Pictures {
  readonly #channels = new Map<string, Channel>();
  readonly #watch: (camera: string, on: boolean) => void;

  /** @param watch opens or closes the picture branch of a camera */
  constructor(watch: (camera: string, on: boolean) => void) {
    this.#watch = watch;
  }

  /** A picture of a camera has come. */
  push(camera: string, picture: Buffer, now: number): void {
    const channel = this.#channels.get(camera);
    if (channel === undefined) return;
    channel.latest = { picture, at: now };
    for (const resolve of channel.waiting) resolve(picture);
    channel.waiting.clear();
    for (const viewer of channel.viewers) sendPart(viewer, picture);
    for (const take of channel.followers) take(picture);
  }

  /** Sends the camera's pictures until the viewer leaves. */
  view(camera: string, response: ServerResponse): void {
    const channel = this.#channel(camera);
    response.writeHead(200, {
      "content-type": `multipart/x-mixed-replace; boundary=${BOUNDARY}`,
      "cache-control": "no-store",
      connection: "close",
    });
    channel.viewers.add(response);
    this.#adjust(camera, channel);
    response.once("close", () => {
      channel.viewers.delete(response);
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
    for (const viewer of channel.viewers) viewer.end();
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

function sendPart(viewer: ServerResponse, picture: Buffer): void {
  if (viewer.writableLength > 0 || viewer.destroyed) return;
  viewer.cork();
  viewer.write(`--${BOUNDARY}\r\ncontent-type: image/jpeg\r\ncontent-length: ${picture.length}\r\n\r\n`);
  viewer.write(picture);
  viewer.write("\r\n");
  viewer.uncork();
}
