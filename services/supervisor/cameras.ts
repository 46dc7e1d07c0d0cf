/** Cameras that come and go at run time: each change is told to everybody who has to know of it. */
import type { CameraInput, Config } from "../config/load.ts";
import type { EventHub } from "../control/event-hub.ts";
import type { Pictures } from "../control/pictures.ts";
import { messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { CameraSettings } from "../pipeline/messages.ts";
import type { Publisher } from "../publisher/publisher.ts";
import { writeFileAtomically } from "./atomic-file.ts";
import type { Surroundings } from "./camera-monitor.ts";
import type { CameraRegistry } from "./camera-registry.ts";
import type { LiveModel } from "./live-model.ts";
import { messageConfig } from "./message-config.ts";
import { cameraSettings } from "./pipeline-settings.ts";
import type { Requests } from "./requests.ts";
import type { CameraView } from "./status.ts";

export interface CamerasParts {
  readonly config: Config;
  /** Configuration file of nvmsgconv with the cameras' names and places. */
  readonly messageConfigFile: string;
  readonly registry: CameraRegistry;
  readonly model: LiveModel;
  readonly pictures: Pictures;
  readonly metrics: Metrics;
  readonly publisher: Publisher;
  readonly news: EventHub;
  readonly requests: Requests;
  readonly log: Logger;
  surroundings(): Surroundings;
}

export class Cameras {
  readonly #parts: CamerasParts;

  constructor(parts: CamerasParts) {
    this.#parts = parts;
    for (const registered of parts.registry.list()) parts.model.add(registered, Date.now());
  }

  /** @throws ExpectedError when the entry is wrong, the id is taken, or the pipeline refuses it; then nothing has changed. */
  async add(input: CameraInput): Promise<CameraView> {
    const { registry, model, config, requests, surroundings } = this.#parts;
    const registered = registry.add(input);
    const { id, enabled } = registered.camera;
    // Before its first message comes.
    model.add(registered, Date.now());
    try {
      this.writeMessageConfig();
      if (enabled) await requests.ask({ type: "addCamera", camera: cameraSettings(registered, config) });
    } catch (error) {
      registry.remove(id);
      model.remove(id, Date.now(), surroundings());
      throw error;
    }
    this.#tell(id, "added");
    return model.view(id, Date.now(), surroundings()) as CameraView;
  }

  /** @throws ExpectedError when there is no such camera. */
  async remove(id: string): Promise<void> {
    const { registry, model, pictures, metrics, publisher, requests, surroundings } = this.#parts;
    const { camera } = registry.remove(id);
    model.remove(id, Date.now(), surroundings());
    pictures.remove(id);
    metrics.forget(id);
    publisher.publishCameraStatus(id, null);
    this.#tell(id, "removed");
    if (camera.enabled) await requests.ask({ type: "removeCamera", camera: id });
  }

  /** The settings of the cameras that can be opened; one whose password cannot be read fails alone. */
  settings(): CameraSettings[] {
    const { registry, model, config } = this.#parts;
    return registry.list().flatMap((registered) => {
      const { id, enabled } = registered.camera;
      if (!enabled) return [];
      try {
        return [cameraSettings(registered, config)];
      } catch (error) {
        model.refuse(id, messageOf(error));
        return [];
      }
    });
  }

  writeMessageConfig(): void {
    const { config, messageConfigFile, registry } = this.#parts;
    writeFileAtomically(messageConfigFile, messageConfig(config, registry.list()));
  }

  #tell(id: string, change: "added" | "removed"): void {
    const { log, news } = this.#parts;
    // The live view and the console show the message only.
    log.info({ camera: id }, `camera "${id}" ${change}`);
    news.publish({ type: "camera", time: Date.now(), camera: id, data: { change } });
  }
}
