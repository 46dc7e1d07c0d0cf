/** What deployments need of a running Nightjar, and what they tell it. */
import type { Logger } from "../../log/logger.ts";
import type { HostLink } from "./host-link.ts";
import type { BundleReference, RecordFile } from "./record.ts";
import type { SightingsParts } from "./sightings.ts";
import type { Plan } from "./transaction.ts";

/** A step of a transaction, or of a module that failed: for the control interface and the broker. */
export interface DeploymentEvent {
  readonly element: string;
  readonly bundle: { readonly name: string; readonly version: string };
  /** A step of the transaction, how it ended, or what the module's policy did. */
  readonly step: string;
  /** Empty when all is well. */
  readonly reason: string;
  /** What the step took, or the module was away. */
  readonly ms: number;
  readonly framesWithoutObjects: number;
}

export interface ActivateOptions {
  readonly parameters?: Record<string, unknown> | undefined;
  readonly shadowMs?: number | undefined;
  readonly shadowOnly?: boolean | undefined;
  readonly agreement?: number | undefined;
  readonly probationMs?: number | undefined;
  readonly frameRate?: number | undefined;
  /** Also when it is in quarantine. */
  readonly force?: boolean | undefined;
}

export interface DeploymentParts extends SightingsParts {
  readonly file: RecordFile;
  readonly host: HostLink;
  readonly log: Logger;
  /** What the activation of a bundle looks like unless somebody asks otherwise. */
  readonly plan: Plan;
  /** By element: what the configuration says. */
  readonly configured: Readonly<Record<string, BundleReference>>;
  /** Tells the postprocess process which bundles elements get when they connect. */
  assign(): void;
  announce(event: DeploymentEvent): void;
  /** A bundle serves an element from now on. */
  serves(element: string, bundle: BundleReference): void;
}
