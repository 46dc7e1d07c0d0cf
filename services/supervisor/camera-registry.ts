/**
 * Which cameras there are: those of the configuration, changed by what was added and removed at run time. The changes live in
 * <state>/cameras.json and survive a restart; the configuration file itself is never written.
 */
import { readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type Camera, type CameraInput, type Config, parseCamera } from "../config/load.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { writeFileAtomically } from "./atomic-file.ts";

/** A camera with the small number under which metadata and payload records know it. */
export interface RegisteredCamera {
  readonly camera: Camera;
  readonly sourceId: number;
  readonly origin: "configuration" | "added";
}

const stateSchema = z.strictObject({
  version: z.literal(1),
  /** As they were given to `camera add`. */
  added: z.array(z.record(z.string(), z.unknown())),
  /** Ids of cameras of the configuration that were removed. */
  removed: z.array(z.string()),
});
type State = z.output<typeof stateSchema>;

const MAX_SOURCE_ID = 1023;

export class CameraRegistry {
  readonly #file: string;
  readonly #base: string;
  readonly #byId = new Map<string, RegisteredCamera>();
  readonly #configured: ReadonlyMap<string, Camera>;
  #state: State;
  #nextSourceId = 0;

  /**
   * @param warn told about entries of the state file that can no longer be used; they are left out, never fatal.
   * @throws ExpectedError when the state file cannot be read at all.
   */
  constructor(config: Config, warn: (message: string) => void) {
    this.#file = join(config.directories.state, "cameras.json");
    this.#base = dirname(config.file);
    this.#configured = new Map(config.cameras.map((camera) => [camera.id, camera]));
    this.#state = readState(this.#file, warn);
    for (const camera of config.cameras) {
      if (!this.#state.removed.includes(camera.id)) this.#register(camera, "configuration");
    }
    for (const input of this.#state.added) this.#restore(input, warn);
  }

  list(): RegisteredCamera[] {
    return [...this.#byId.values()];
  }

  get(id: string): RegisteredCamera | undefined {
    return this.#byId.get(id);
  }

  /** Checks and keeps a camera. @throws ExpectedError when the entry is wrong or the id is taken. */
  add(input: CameraInput): RegisteredCamera {
    const camera = parseCamera(input, "camera", this.#base);
    if (this.#byId.has(camera.id)) {
      throw new ExpectedError(
        EXIT.usage,
        `there is already a camera "${camera.id}"; remove it first or choose another id`,
      );
    }
    const added = [...this.#state.added, input as Record<string, unknown>];
    this.#save({ ...this.#state, added, removed: this.#state.removed.filter((id) => id !== camera.id) });
    return this.#register(camera, "added");
  }

  /** @throws ExpectedError when there is no such camera. */
  remove(id: string): RegisteredCamera {
    const registered = this.#byId.get(id);
    if (registered === undefined) throw new ExpectedError(EXIT.usage, `there is no camera "${id}"; ${this.#known()}`);
    const added = this.#state.added.filter((input) => input.id !== id);
    const removed = this.#configured.has(id) ? [...new Set([...this.#state.removed, id])] : this.#state.removed;
    this.#save({ ...this.#state, added, removed });
    this.#byId.delete(id);
    return registered;
  }

  #known(): string {
    const ids = [...this.#byId.keys()];
    return ids.length === 0 ? "there are no cameras" : `known cameras: ${ids.join(", ")}`;
  }

  #restore(input: Record<string, unknown>, warn: (message: string) => void): void {
    try {
      const camera = parseCamera(input, this.#file, this.#base);
      if (this.#byId.has(camera.id))
        warn(`${this.#file}: camera ${camera.id} is also in the configuration, which counts`);
      else this.#register(camera, "added");
    } catch (error) {
      warn(`${messageOf(error)}; this camera is left out`);
    }
  }

  #register(camera: Camera, origin: RegisteredCamera["origin"]): RegisteredCamera {
    const registered = { camera, sourceId: this.#freeSourceId(), origin };
    this.#byId.set(camera.id, registered);
    return registered;
  }

  /** Numbers go round, so that late records of a removed camera are not taken for those of a new one. */
  #freeSourceId(): number {
    const used = new Set([...this.#byId.values()].map(({ sourceId }) => sourceId));
    for (let tries = 0; tries <= MAX_SOURCE_ID; tries++) {
      const candidate = this.#nextSourceId;
      this.#nextSourceId = candidate === MAX_SOURCE_ID ? 0 : candidate + 1;
      if (!used.has(candidate)) return candidate;
    }
    throw new ExpectedError(EXIT.usage, `there are already ${MAX_SOURCE_ID + 1} cameras; no more can be added`);
  }

  #save(state: State): void {
    try {
      writeFileAtomically(this.#file, `${JSON.stringify(state, null, 2)}\n`);
    } catch (error) {
      const message = `${messageOf(error)}. The change would not survive a restart, so nothing was changed`;
      throw new ExpectedError(EXIT.environment, message, { cause: error });
    }
    this.#state = state;
  }
}

function readState(file: string, warn: (message: string) => void): State {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { version: 1, added: [], removed: [] };
    throw new ExpectedError(
      EXIT.environment,
      `${file} cannot be read (${codeOf(error)}); it holds the cameras added at run time`,
    );
  }
  const parsed = stateSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  // A damaged file must not keep a device from starting; it is kept for a person to look at.
  renameSync(file, `${file}.invalid`);
  warn(`${file} is damaged and was moved to ${file}.invalid; cameras added at run time are lost`);
  return { version: 1, added: [], removed: [] };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
