/** The updater as the configuration wants it, and as the control interface sees it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Config, whyUnreadable } from "../config/load.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import { ABI_MAJOR, ABI_MINOR } from "../postprocess/module_abi.ts";
import type { Activator } from "../updater/activator.ts";
import { systemClock } from "../updater/clock.ts";
import type { HistoryEntry } from "../updater/database.ts";
import { Transport } from "../updater/transport.ts";
import { DISABLED, type UpdateStatus } from "../updater/types.ts";
import { Updater } from "../updater/updater.ts";
import { VERSION } from "./version.ts";

/** This version of Nightjar did not exist before: no clock that says so is right. */
const BUILT = Date.UTC(2026, 10, 22);

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

  constructor(sources: UpdateSources) {
    this.#sources = sources;
  }

  /** @throws ExpectedError when a key of the configuration, or a file that it names, is wrong */
  start(): void {
    const { config, log, onChange } = this.#sources;
    if (config.updates.repository === undefined) return;
    try {
      this.#updater = this.#create(config.updates.repository);
      this.#updater.start();
    } catch (error) {
      if (error instanceof ExpectedError && error.exitCode === EXIT.configuration) throw error;
      // A disk that does not work is no reason to stop the video.
      log.error({ err: error }, `there are no updates until Nightjar is started again: ${messageOf(error)}`);
      return;
    }
    onChange(this.#updater.status());
  }

  async stop(): Promise<void> {
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
    throw new ExpectedError(
      EXIT.configuration,
      "updates.repository is not set: this device takes no updates (docs/updates.md)",
    );
  }

  #create(repository: string): Updater {
    const { config, log, activator, bundles, onChange } = this.#sources;
    const { updates, device, directories } = config;
    const { module, model, shadow, agreement, frameRate } = updates.probation;
    const updater: Updater = new Updater({
      options: {
        repository,
        directory: join(directories.state, "updates"),
        channels: updates.channels ?? bundles,
        device: {
          id: device.id,
          groups: updates.groups,
          hardware: [...updates.hardware, ...ownHardware()],
          supervisor: VERSION,
          abi: { major: ABI_MAJOR, minor: ABI_MINOR },
        },
        intervalMs: updates.interval,
        automatic: updates.automatic,
        downloadWindows: updates.downloadWindows,
        installWindows: updates.installWindows,
        probation: { moduleMs: module, modelMs: model, shadowMs: shadow, agreement, frameRate },
      },
      firstRoot: readKeyed(updates.root, "updates.root", "the repository's first root.json"),
      transport: new Transport({
        idleMs: updates.idleTimeout,
        rate: updates.rate,
        proxy: updates.proxy,
        tls: certificatesOf(updates.tls),
        userAgent: `nightjar/${VERSION}`,
      }),
      clock: systemClock(updates.clock, BUILT),
      activator,
      log,
      onChange: () => onChange(updater.status()),
    });
    return updater;
  }
}

/** The processor, and what the device tree says ("nvidia,p3767-0000"). */
function ownHardware(): string[] {
  try {
    const compatible = readFileSync("/proc/device-tree/compatible", "utf8").split("\0");
    return [process.arch, ...compatible.filter((name) => name !== "")];
  } catch (error) {
    // Machines without a device tree.
    if (codeOf(error) === undefined) throw error;
    return [process.arch];
  }
}

function certificatesOf({ ca, certificate, key }: Config["updates"]["tls"]) {
  const read = (path: string | undefined, name: string) =>
    path === undefined ? {} : { [name]: readKeyed(path, `updates.tls.${name}`, "a file in PEM").toString("utf8") };
  return { ...read(ca, "ca"), ...read(certificate, "certificate"), ...read(key, "key") };
}

function readKeyed(path: string, key: string, expected: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `${key}: ${path}: ${whyUnreadable(error)}; expected ${expected}`, {
      cause: error,
    });
  }
}
