/**
 * The zones of all cameras: those of the configuration, changed by what was set and removed at run time. The changes live in
 * <state>/zones.json and survive a restart; the configuration file itself is never written.
 */
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Camera, type Config, parseZones } from "../config/load.ts";
import { suggest } from "../config/suggest.ts";
import type { Zone, ZoneInput } from "../config/zones.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { writeFileAtomically } from "./atomic-file.ts";
import { type BundleInfo, classIdOf } from "./bundles.ts";
import type { CameraRegistry, RegisteredCamera } from "./camera-registry.ts";

export interface ZoneView {
  readonly camera: string;
  /** As a person writes it. */
  readonly zone: ZoneInput;
  readonly origin: "configuration" | "set";
}

const stateSchema = z.strictObject({
  version: z.literal(1),
  /** By camera: all its zones, as they were given. Cameras that are not here have those of the configuration. */
  cameras: z.record(z.string(), z.array(z.record(z.string(), z.unknown()))),
});
type State = z.output<typeof stateSchema>;

/** What the module takes: its parameters have to fit into its memory, and into a message of the link. Bytes of JSON. */
const MAX_TEXT = 160_000;

export class Zones {
  readonly #file: string;
  readonly #registry: CameraRegistry;
  readonly #detector: BundleInfo;
  #state: State;

  /**
   * @param warn told about a state file that can no longer be used; it is left out, never fatal.
   * @throws ExpectedError when a zone names a label that the detector does not have.
   */
  constructor(config: Config, registry: CameraRegistry, detector: BundleInfo, warn: (message: string) => void) {
    this.#file = join(config.directories.state, "zones.json");
    this.#registry = registry;
    this.#detector = detector;
    this.#state = readState(this.#file, warn);
    for (const id of Object.keys(this.#state.cameras)) this.#dropUnusable(id, warn);
    for (const { camera, origin } of registry.list()) if (origin === "added") this.#passOver(camera, warn);
    this.text();
  }

  /** Before a camera is added. @throws ExpectedError when its zones are wrong. */
  check(id: string, zones: unknown): void {
    for (const zone of parseZones(zones ?? [], `camera ${id}`)) specOf(zone, 0, id, this.#detector);
  }

  /** All zones, camera by camera. */
  list(): ZoneView[] {
    return this.#registry.list().flatMap(({ camera }) => {
      const origin = this.#state.cameras[camera.id] === undefined ? "configuration" : "set";
      return this.#inputs(camera.id).map((zone): ZoneView => ({ camera: camera.id, zone, origin }));
    });
  }

  /** Adds a zone, or replaces the one of its name. @throws ExpectedError when it is wrong or there is no such camera. */
  set(id: string, input: ZoneInput): ZoneView {
    this.#camera(id);
    const others = this.#inputs(id);
    const at = others.findIndex(({ name }) => name === input.name);
    const zones = at < 0 ? [...others, input] : others.with(at, input);
    this.#change(id, zones);
    return { camera: id, zone: input, origin: "set" };
  }

  /** @throws ExpectedError when there is no such camera or zone. */
  remove(id: string, name: string): void {
    this.#camera(id);
    const zones = this.#inputs(id);
    const names = zones.map((zone) => zone.name);
    if (!names.includes(name)) {
      const near = suggest(name, names);
      const hint = near === undefined ? `it has ${names.join(", ") || "none"}` : `did you mean ${near}?`;
      throw new ExpectedError(EXIT.usage, `camera "${id}" has no zone "${name}" (${hint})`);
    }
    const left = zones.filter((zone) => zone.name !== name);
    this.#change(id, left);
  }

  /** The camera is gone: another one of its name begins with the zones of its own entry. */
  forget(id: string): void {
    if (this.#state.cameras[id] === undefined) return;
    const { [id]: _, ...cameras } = this.#state.cameras;
    this.#save({ version: 1, cameras });
  }

  get isEmpty(): boolean {
    return this.#registry.list().every(({ camera }) => this.#inputs(camera.id).length === 0);
  }

  /** The parameter `zones` of the module: JSON. @throws ExpectedError when a label is unknown or the text is too long. */
  text(): string {
    const specs = this.#registry.list().flatMap((registered) => this.#specs(registered));
    const text = JSON.stringify(specs);
    if (text.length <= MAX_TEXT) return text;
    throw new ExpectedError(
      EXIT.usage,
      `the zones of all cameras take ${text.length} bytes, at most ${MAX_TEXT} fit; use fewer zones or fewer points`,
    );
  }

  #specs({ camera, sourceId }: RegisteredCamera): object[] {
    return this.#zones(camera.id).map((zone) => specOf(zone, sourceId, camera.id, this.#detector));
  }

  #zones(id: string): Zone[] {
    const set = this.#state.cameras[id];
    return set === undefined ? (this.#registry.get(id)?.camera.zones ?? []) : parseZones(set, `camera ${id}`);
  }

  #inputs(id: string): ZoneInput[] {
    const set = this.#state.cameras[id];
    return set === undefined ? this.#zones(id).map(inputOf) : (set as unknown as ZoneInput[]);
  }

  #change(id: string, zones: readonly ZoneInput[]): void {
    parseZones(zones, `camera ${id}`);
    const before = this.#state;
    const next: State = {
      version: 1,
      cameras: { ...before.cameras, [id]: zones as unknown as Record<string, unknown>[] },
    };
    this.#state = next;
    try {
      this.text();
    } catch (error) {
      this.#state = before;
      throw error;
    }
    this.#state = before;
    this.#save(next);
  }

  #camera(id: string): void {
    if (this.#registry.get(id) !== undefined) return;
    const ids = this.#registry.list().map(({ camera }) => camera.id);
    const near = suggest(id, ids);
    const hint = near === undefined ? `known cameras: ${ids.join(", ") || "none"}` : `did you mean ${near}?`;
    throw new ExpectedError(EXIT.usage, `there is no camera "${id}" (${hint})`);
  }

  /** Zones that were set with an earlier version or bundle must not keep a device from starting. */
  #dropUnusable(id: string, warn: (message: string) => void): void {
    try {
      const zones = parseZones(this.#state.cameras[id], `${this.#file}: camera ${id}`);
      for (const zone of zones) specOf(zone, 0, id, this.#detector);
    } catch (error) {
      const { [id]: _, ...cameras } = this.#state.cameras;
      this.#state = { version: 1, cameras };
      warn(`${messageOf(error)}; the zones of camera "${id}" are those of the configuration`);
    }
  }

  /** Nor must those of a camera that was added; they are left out of this run. */
  #passOver({ id, zones }: Camera, warn: (message: string) => void): void {
    if (this.#state.cameras[id] !== undefined) return;
    try {
      for (const zone of zones ?? []) specOf(zone, 0, id, this.#detector);
    } catch (error) {
      this.#state = { version: 1, cameras: { ...this.#state.cameras, [id]: [] } };
      warn(`${messageOf(error)}; camera "${id}" has no zones now`);
    }
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

/** @throws ExpectedError when a zone of the configuration names a label that the detector does not have. */
export function checkZoneLabels(config: Config, detector: BundleInfo): void {
  for (const { id, zones } of config.cameras) for (const zone of zones ?? []) specOf(zone, 0, id, detector);
}

/** A zone in the words of the module: seconds, shares, class ids. */
function specOf(zone: Zone, source: number, camera: string, detector: BundleInfo): object {
  const { classes, settle, dwell, crowdTime, count, margin, crowd, direction, tolerance, stride, ...same } = zone;
  const ids = classes?.map((label) => classIdOf(label, detector, `camera ${camera}: zone ${zone.name}: classes`));
  const isLine = zone.type === "line";
  return {
    ...same,
    source,
    settle: settle / 1000,
    ...(ids === undefined ? {} : { classes: ids }),
    ...(isLine ? { count, margin } : { crowdTime: crowdTime / 1000, tolerance, stride }),
    ...(dwell === undefined ? {} : { dwell: dwell / 1000 }),
    ...(crowd === undefined ? {} : { crowd }),
    ...(direction === undefined ? {} : { direction }),
  };
}

/** A parsed zone as it could have been written. */
function inputOf(zone: Zone): ZoneInput {
  const { settle, dwell, crowdTime, margin, stride, count, tolerance, direction, crowd, ...same } = zone;
  const isLine = zone.type === "line";
  const ofType = isLine
    ? { margin: percentText(margin), count }
    : { crowdTime: `${crowdTime}ms`, tolerance, stride: percentText(stride) };
  return {
    ...same,
    settle: `${settle}ms`,
    ...ofType,
    ...(dwell === undefined ? {} : { dwell: `${dwell}ms` }),
    ...(crowd === undefined ? {} : { crowd }),
    ...(direction === undefined ? {} : { direction }),
  };
}

function percentText(share: number): string {
  return `${Number((share * 100).toFixed(6))}%`;
}

function readState(file: string, warn: (message: string) => void): State {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { version: 1, cameras: {} };
    throw new ExpectedError(
      EXIT.environment,
      `${file} cannot be read (${codeOf(error)}); it holds the zones that were set at run time`,
    );
  }
  const parsed = stateSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  // A damaged file must not keep a device from starting; it is kept for a person to look at.
  renameSync(file, `${file}.invalid`);
  warn(`${file} is damaged and was moved to ${file}.invalid; zones set at run time are lost`);
  return { version: 1, cameras: {} };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
