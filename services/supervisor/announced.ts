/**
 * Cameras whose retained messages lie at the broker. A camera that is taken out of the configuration while Nightjar does not
 * run would be "playing" there for ever; the next run takes its messages away.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { codeOf, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Publisher } from "../publisher/publisher.ts";
import { writeFileAtomically } from "./atomic-file.ts";

const schema = z.object({ version: z.literal(1), cameras: z.array(z.string()) });

export class Announced {
  readonly #file: string;
  readonly #publisher: Publisher;
  readonly #log: Logger;
  /** As the file has them. */
  #known: ReadonlySet<string> = new Set();

  constructor(stateDirectory: string, publisher: Publisher, log: Logger) {
    this.#file = join(stateDirectory, "announced.json");
    this.#publisher = publisher;
    this.#log = log;
  }

  /** Takes away what an earlier run has left of cameras that are not there any more. @param cameras those that are */
  start(cameras: ReadonlySet<string>): void {
    this.#known = this.#read();
    for (const camera of this.#known) if (!cameras.has(camera)) this.#publisher.publishCameraStatus(camera, null);
    this.keep(cameras);
  }

  /** Writes down which cameras are there; with those that are gone until the broker has heard it. */
  keep(cameras: ReadonlySet<string>): void {
    const isTold = this.#publisher.snapshot().state === "connected" && !this.#publisher.isTakingAway;
    const wanted = isTold ? cameras : new Set([...this.#known, ...cameras]);
    if (wanted.size === this.#known.size && [...wanted].every((camera) => this.#known.has(camera))) return;
    this.#known = wanted;
    try {
      writeFileAtomically(this.#file, `${JSON.stringify({ version: 1, cameras: [...wanted].sort() })}\n`);
    } catch (error) {
      this.#log.warn(messageOf(error));
    }
  }

  #read(): ReadonlySet<string> {
    try {
      return new Set(schema.parse(JSON.parse(readFileSync(this.#file, "utf8"))).cameras);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") this.#log.warn(`${this.#file} is not as it should be; it is written anew`);
      return new Set();
    }
  }
}
