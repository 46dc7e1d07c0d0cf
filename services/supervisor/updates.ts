/** The updater as the configuration wants it, and as the control interface sees it. */
import { z } from "zod";
import type { Config } from "../config/load.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import type { Activator } from "../updater/activator.ts";
import type { HistoryEntry } from "../updater/database.ts";
import { DISABLED, type UpdateStatus } from "../updater/types.ts";
import type { Updater } from "../updater/updater.ts";

export const installInput = z.strictObject({
  channel: z.string().min(1).optional(),
  version: z.string().min(1).optional(),
});
export const channelInput = z.strictObject({ channel: z.string().min(1).optional() });

export interface UpdateSources {
  readonly config: Config;
  readonly log: Logger;
  readonly activator: Activator;
  /** By element: name of the bundle that the configuration says. */
  readonly bundles: readonly string[];
  /** Something about the status has changed. */
  onChange(status: UpdateStatus): void;
}

/** Updates of a running Nightjar, also when there are none. */
export class UpdateControl {
  readonly #sources: UpdateSources;
  #updater: Updater | undefined;
  #isStopped = false;
  /** Why there is none although one is configured. */
  #problem = "";

  constructor(sources: UpdateSources) {
    this.#sources = sources;
  }

  /** @throws ExpectedError when a key of the configuration, or a file that it names, is wrong */
  async start(): Promise<void> {
    const { config, log, onChange } = this.#sources;
    if (config.updates.repository === undefined) return;
    const { configuredUpdater } = await import("./configured-updater.ts");
    if (this.#isStopped) return;
    try {
      this.#updater = configuredUpdater(config.updates.repository, this.#sources);
      this.#updater.start();
    } catch (error) {
      if (error instanceof ExpectedError && error.exitCode === EXIT.configuration) throw error;
      // A disk that does not work is no reason to stop the video.
      this.#problem = `there are no updates until Nightjar is started again: ${messageOf(error)}`;
      log.error({ err: error }, this.#problem);
      return;
    }
    onChange(this.#updater.status());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#updater?.stop();
    this.#updater = undefined;
  }

  status(): UpdateStatus {
    return this.#updater?.status() ?? DISABLED;
  }

  /** Newest first. */
  history(limit: number): readonly HistoryEntry[] {
    return this.#updater?.history(limit) ?? [];
  }

  /** @throws ExpectedError when no repository is configured */
  check(): UpdateStatus {
    return this.#running().check();
  }

  /** @throws ExpectedError */
  install(input: z.output<typeof installInput>): UpdateStatus {
    return this.#running().install(input);
  }

  /** @throws ExpectedError */
  rollback({ channel }: z.output<typeof channelInput>): UpdateStatus {
    return this.#running().rollback(channel);
  }

  #running(): Updater {
    if (this.#updater !== undefined) return this.#updater;
    if (this.#problem !== "") throw new ExpectedError(EXIT.environment, this.#problem);
    throw new ExpectedError(
      EXIT.configuration,
      "updates.repository is not set: this device takes no updates (docs/updates.md)",
    );
  }
}
