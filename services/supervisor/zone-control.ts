/** Zones of the running pipeline: what is set and removed reaches the module at once. */
import type { CameraInput, Config } from "../config/load.ts";
import type { ZoneInput } from "../config/zones.ts";
import type { Logger } from "../log/logger.ts";
import type { BundleInfo } from "./bundles.ts";
import { ZONES_STEP, zonesBundle, zonesParameters } from "./pipeline-settings.ts";
import type { Requests } from "./requests.ts";
import type { Zones, ZoneView } from "./zones.ts";

export interface ZoneControlParts {
  readonly config: Config;
  readonly zones: Zones;
  /** undefined: the configuration has no use for it; a first zone brings it. */
  readonly bundle: BundleInfo | undefined;
  readonly requests: Requests;
  readonly log: Logger;
  /** Starts the pipeline process anew. */
  restart(): void;
}

export class ZoneControl {
  readonly #parts: ZoneControlParts;
  #bundle: BundleInfo | undefined;

  /** @throws ExpectedError when zones were set in an earlier run and their bundle is gone. */
  constructor(parts: ZoneControlParts) {
    this.#parts = parts;
    this.#bundle = parts.bundle;
    if (this.#bundle === undefined && !parts.zones.isEmpty && parts.config.zones.enabled !== false)
      this.#bundle = zonesBundle(parts.config);
  }

  /** The bundle of the step in the pipeline; undefined: there is no such step. */
  get bundle(): BundleInfo | undefined {
    return this.#bundle;
  }

  /** What the step is started with. */
  get text(): string {
    return this.#parts.zones.text();
  }

  /** Before a camera is added. @throws ExpectedError when its zones are wrong, or cannot run. */
  check(input: CameraInput): void {
    this.#parts.zones.check(String(input.id), input.zones);
    if ((input.zones ?? []).length > 0 && this.#bundle === undefined) zonesBundle(this.#parts.config);
  }

  list(): readonly ZoneView[] {
    return this.#parts.zones.list();
  }

  /** @throws ExpectedError when the zone is wrong, there is no such camera, or zones are switched off. */
  async set(camera: string, input: ZoneInput): Promise<ZoneView> {
    const bundle = this.#bundle ?? zonesBundle(this.#parts.config);
    const view = this.#parts.zones.set(camera, input);
    this.#parts.log.info({ camera }, `zone "${input.name}" of camera "${camera}" set`);
    await this.#apply(bundle);
    return view;
  }

  /** @throws ExpectedError when there is no such camera or zone. */
  async remove(camera: string, name: string): Promise<void> {
    this.#parts.zones.remove(camera, name);
    this.#parts.log.info({ camera }, `zone "${name}" of camera "${camera}" removed`);
    if (this.#bundle !== undefined) await this.#apply(this.#bundle);
  }

  async cameraAdded(camera: string): Promise<void> {
    const has = this.list().some((view) => view.camera === camera);
    if (has) await this.#apply(this.#bundle ?? zonesBundle(this.#parts.config));
  }

  async cameraRemoved(camera: string): Promise<void> {
    this.#parts.zones.forget(camera);
    if (this.#bundle !== undefined) await this.#apply(this.#bundle);
  }

  /** A pipeline without the step has to be built anew: its cameras are back within seconds. That is once, with the first zone. */
  async #apply(bundle: BundleInfo): Promise<void> {
    const { config, requests, restart, log } = this.#parts;
    if (this.#bundle === undefined) {
      this.#bundle = bundle;
      log.info("the first zone: the pipeline is started anew with the zones module");
      restart();
      return;
    }
    const parameters = zonesParameters(config, this.text);
    await requests.ask({ type: "setParameters", step: ZONES_STEP, change: { parameters } });
  }
}
