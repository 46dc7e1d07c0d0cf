/** Puts the deployments of a running Nightjar together: elements, what the configuration says, and what it allows. */
import { join } from "node:path";
import type { Config } from "../../config/load.ts";
import type { Logger } from "../../log/logger.ts";
import type { Allowance } from "../../postprocess/limits.ts";
import type { LinkStatus, ToPostprocess } from "../../postprocess/messages.ts";
import type { BundleInfo } from "../bundles.ts";
import type { CameraView } from "../status.ts";
import { Deployments } from "./deployments.ts";
import { HostLink } from "./host-link.ts";
import type { DeploymentEvent } from "./parts.ts";
import { type BundleReference, RecordFile } from "./record.ts";
import { FRAME_RATE_SHARE } from "./transaction.ts";

const PAGE_BYTES = 65_536;

export interface DeploymentSources {
  readonly config: Config;
  readonly log: Logger;
  /** By element, as the configuration says. */
  readonly bundles: Readonly<Record<string, BundleInfo | undefined>>;
  links(): readonly LinkStatus[];
  cameras(): readonly CameraView[];
  send(message: ToPostprocess): boolean;
  announce(event: DeploymentEvent): void;
  /** A bundle serves an element from now on. */
  serves(element: string, bundle: BundleReference): void;
}

export interface RunningDeployments {
  readonly deployments: Deployments;
  readonly record: RecordFile;
  readonly host: HostLink;
  /** What the postprocess process is told before elements connect. */
  assignment(): ToPostprocess;
}

export function createDeployments(sources: DeploymentSources): RunningDeployments {
  const { config, log } = sources;
  const record = new RecordFile(join(config.directories.state, "deployments.json"), (message) => log.warn(message));
  const host = new HostLink(sources.send);
  const { shadow, agreement, probation } = config.modules;
  const deployments: Deployments = new Deployments({
    file: record,
    host,
    log,
    plan: { shadowMs: shadow, shadowOnly: false, agreement, probationMs: probation, frameRate: FRAME_RATE_SHARE },
    configured: Object.fromEntries(
      Object.entries(sources.bundles).flatMap(([element, bundle]) =>
        bundle === undefined ? [] : [[element, referenceOf(bundle)]],
      ),
    ),
    links: sources.links,
    inferredShare: () => inferredShare(sources.cameras()),
    assign: () => void sources.send(assignment()),
    announce: sources.announce,
    serves: sources.serves,
  });
  const assignment = (): ToPostprocess => ({
    type: "assign",
    bundles: deployments.assignments(),
    allowance: allowanceOf(config),
  });
  return { deployments, record, host, assignment };
}

export function referenceOf({ directory, name, version }: BundleInfo): BundleReference {
  return { directory, name, version, digest: "" };
}

function inferredShare(cameras: readonly CameraView[]): number | undefined {
  const playing = cameras.filter(({ state }) => state === "playing");
  const decoded = playing.reduce((sum, { fps }) => sum + fps, 0);
  const inferred = playing.reduce((sum, { inferredFps }) => sum + inferredFps, 0);
  if (decoded >= 1) return Math.min(1, inferred / decoded);
  // Frames are decoded, and none comes through inference: that is what a bundle has to answer for.
  return cameras.some(({ state }) => state === "hung") ? 0 : undefined;
}

function allowanceOf({ modules: { limits, operators } }: Config): Allowance {
  return {
    limits: {
      "memory-pages": Math.max(1, Math.floor(limits.memory / PAGE_BYTES)),
      "batch-ms": limits.batchTime,
      "start-ms": limits.startTime,
      "compile-ms": limits.compileTime,
      "module-bytes": limits.size,
      objects: limits.objects,
      events: limits.events,
      "aux-bytes": limits.auxBytes,
      "log-lines": limits.logLines,
    },
    policy: { reloads: limits.reloads, window: limits.failureWindow / 1000 },
    operators,
  };
}
