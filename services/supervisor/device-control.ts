/** Commands about the device itself: health, pictures, recordings, parameters, the log's level. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Pictures } from "../control/pictures.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger, LogLevel } from "../log/logger.ts";
import type { Publisher } from "../publisher/publisher.ts";
import { writeFileAtomically } from "./atomic-file.ts";
import type { BundleControl, ElementView } from "./deployments/control.ts";
import type { EvidenceReference, EvidenceStore, EvidenceView } from "./evidence.ts";
import type { Status } from "./status.ts";

export interface DeviceParts {
  /** <state>/device.json keeps what was set at run time. */
  readonly stateDirectory: string;
  readonly evidence: EvidenceStore;
  readonly pictures: Pictures;
  readonly publisher: Publisher;
  readonly bundles: () => BundleControl;
  readonly log: Logger;
  status(): Status;
  hasCamera(id: string): boolean;
  /** Why Nightjar is not ready; undefined when it is. */
  notReady(): string | undefined;
}

export interface HealthView {
  readonly ready: boolean;
  /** Empty when it is ready. */
  readonly reason: string;
  readonly cameras: readonly { readonly id: string; readonly state: string; readonly reason: string }[];
  readonly processes: readonly { readonly name: string; readonly state: string; readonly restarts: number }[];
  readonly broker: {
    readonly state: string;
    readonly insecure: boolean;
    readonly queued: number;
    readonly dropped: number;
  };
  /** Why messages are in memory only; empty when the disk takes them. */
  readonly outbox: string;
}

export interface DeadLetterView {
  readonly sequence: number;
  readonly class: string;
  readonly topic: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** As it was to be sent, without its identity. */
  readonly payload: string;
}

export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const satisfies readonly LogLevel[];
export const MAX_RECORDING_S = 60;
const SNAPSHOT_TIMEOUT_MS = 5000;
/** Recordings at a time. */
const MAX_RECORDINGS = 4;

const stateSchema = z.object({ version: z.literal(1), logLevel: z.enum(LOG_LEVELS).optional() });

export class DeviceControl {
  readonly #parts: DeviceParts;
  readonly #file: string;
  #recordings = 0;

  constructor(parts: DeviceParts) {
    this.#parts = parts;
    this.#file = join(parts.stateDirectory, "device.json");
    const level = this.#readLevel();
    if (level !== undefined) parts.log.level = level;
  }

  health(): HealthView {
    const { status, notReady } = this.#parts;
    const { cameras, processes, broker } = status();
    const reason = notReady() ?? "";
    return {
      ready: reason === "",
      reason,
      cameras: cameras.map(({ id, state, reason: why }) => ({ id, state, reason: why })),
      processes: processes.map(({ name, state, restarts }) => ({ name, state, restarts })),
      broker: { state: broker.state, insecure: broker.insecure, queued: broker.queued, dropped: broker.dropped },
      outbox: broker.outbox.problem,
    };
  }

  /** Keeps a picture. @throws ExpectedError when there is no such camera or it gives none. */
  async snapshot(camera: string): Promise<EvidenceView> {
    this.#needCamera(camera);
    const picture = await this.#parts.pictures.snapshot(camera, SNAPSHOT_TIMEOUT_MS);
    if (picture === undefined) {
      const message = `camera "${camera}" gave no picture within ${SNAPSHOT_TIMEOUT_MS / 1000} s; look at its state`;
      throw new ExpectedError(EXIT.unreachable, message);
    }
    return kept(() => this.#parts.evidence.save(this.#parts.evidence.reserve(camera), picture));
  }

  /**
   * Begins to keep the camera's pictures for a while; the file has its name when that is over, or when Nightjar ends.
   * @throws ExpectedError when there is no such camera, or too much is being recorded.
   */
  async record(camera: string, seconds: number): Promise<EvidenceReference> {
    const { evidence, pictures, log } = this.#parts;
    this.#needCamera(camera);
    if (this.#recordings >= MAX_RECORDINGS)
      throw new ExpectedError(EXIT.usage, `${MAX_RECORDINGS} recordings are being made already; wait for one to end`);
    const reference = evidence.reserve(camera, "mjpeg");
    const file = await kept(() => evidence.begin(reference));
    this.#recordings += 1;
    const leave = pictures.follow(camera, (picture) => {
      // The end says what was wrong.
      file.append(picture).catch(() => undefined);
    });
    setTimeout(() => {
      leave();
      this.#recordings -= 1;
      evidence
        .end(reference, file)
        .catch((error) => log.error({ camera }, `a recording was not kept: ${messageOf(error)}`));
    }, seconds * 1000);
    return reference;
  }

  evidence(camera: string | undefined, limit: number): EvidenceView[] {
    return this.#parts.evidence.list(camera, limit);
  }

  /** Changes parameters of an element's module: its bundle is activated once more, with all that entails. */
  setParameters(element: string, parameters: Readonly<Record<string, unknown>>): ElementView {
    const bundles = this.#parts.bundles();
    const view = bundles.view().elements.find((candidate) => candidate.element === element);
    if (view === undefined) {
      const known = bundles.view().elements.map((candidate) => candidate.element);
      throw new ExpectedError(EXIT.usage, `there is no element "${element}"; there are ${known.join(", ")}`);
    }
    // What was set before stays set; null takes one back to the bundle's.
    return bundles.activate({
      element,
      bundle: view.directory,
      parameters: { ...bundles.parametersOf(element), ...parameters },
    });
  }

  /** Of the log from now on, also after a restart. @throws ExpectedError when it cannot be kept. */
  setLogLevel(level: LogLevel): { readonly level: LogLevel } {
    writeFileAtomically(this.#file, `${JSON.stringify({ version: 1, logLevel: level })}\n`);
    this.#parts.log.level = level;
    return { level };
  }

  /** Newest first. */
  async deadLetters(limit: number): Promise<DeadLetterView[]> {
    const letters = await this.#parts.publisher.deadLetters(limit);
    return letters.map(({ body, ...letter }) => ({ ...letter, payload: Buffer.from(body).toString("utf8") }));
  }

  #needCamera(id: string): void {
    if (this.#parts.hasCamera(id)) return;
    const known = this.#parts.status().cameras.map((camera) => camera.id);
    const hint = known.length === 0 ? "there are no cameras" : `known cameras: ${known.join(", ")}`;
    throw new ExpectedError(EXIT.usage, `there is no camera "${id}"; ${hint}`);
  }

  #readLevel(): LogLevel | undefined {
    try {
      return stateSchema.parse(JSON.parse(readFileSync(this.#file, "utf8"))).logLevel;
    } catch (error) {
      if (codeOf(error) !== "ENOENT")
        this.#parts.log.warn(
          `${this.#file} cannot be read (${messageOf(error)}); the level of the log is the configuration's`,
        );
      return undefined;
    }
  }
}

/** @throws ExpectedError when the disk does not take it. */
async function kept<Value>(write: () => Promise<Value>): Promise<Value> {
  try {
    return await write();
  } catch (error) {
    const remedy = codeOf(error) === "ENOSPC" ? "the disk is full: free space on it" : "check the disk";
    throw new ExpectedError(EXIT.environment, `it cannot be kept (${codeOf(error) ?? messageOf(error)}); ${remedy}`, {
      cause: error,
    });
  }
}
