/**
 * Which release a device takes: decided by the device, from signed data and its own identity. A static server cannot choose
 * devices, and need not: the hash of rollout and device spreads a fleet evenly, and the same devices stay chosen while it widens.
 */
import { createHash } from "node:crypto";
import { compareVersions, type ListedRelease, WHOLE_FLEET } from "./release.ts";

/** What a device is, as far as a release may ask. */
export interface DeviceFacts {
  readonly id: string;
  /** Cohorts, such as "canary". */
  readonly groups: readonly string[];
  /** What it is made of, such as "arm64" or "nvidia,p3767-0000". */
  readonly hardware: readonly string[];
  readonly supervisor: string;
  readonly abi: { readonly major: number; readonly minor: number };
}

/** What of a channel runs already, and what must not. */
export interface ChannelFacts {
  /** Undefined: no release yet, only what Nightjar was built or configured with. */
  readonly installed: { readonly version: string; readonly counter: number } | undefined;
  /** Counter below which nothing is taken, whatever is installed. */
  readonly floor: number;
  /** Why a release (by SHA-256 of its manifest) is not tried by itself; undefined: it may be. */
  blocked(sha256: string): string | undefined;
}

export type Choice =
  | {
      readonly kind: "take";
      readonly release: ListedRelease /** ms since 1970; 0: at once */;
      readonly notBefore: number;
    }
  | { readonly kind: "none"; readonly reason: string };

/** 0 to 9999: where a device stands in a rollout. */
export function bucketOf(rolloutId: string, deviceId: string): number {
  return createHash("sha256").update(`${rolloutId}\n${deviceId}`).digest().readUInt32BE(0) % WHOLE_FLEET;
}

/** The newest release that a device may take; those are judged newest first. `releases`: of one channel. */
export function choose(releases: readonly ListedRelease[], device: DeviceFacts, channel: ChannelFacts): Choice {
  const newest = [...releases].sort((a, b) => b.custom.releaseCounter - a.custom.releaseCounter);
  const reasons: string[] = [];
  for (const release of newest) {
    const reason = whyNot(release, device, channel);
    if (reason === undefined) return { kind: "take", release, notBefore: notBeforeOf(release) };
    reasons.push(`${release.version}: ${reason}`);
    // Older ones are older than what runs.
    if (release.custom.releaseCounter <= (channel.installed?.counter ?? 0)) break;
  }
  return { kind: "none", reason: reasons[0] ?? "the repository has no release of this channel" };
}

/** Why a device does not take a release by itself; undefined when it does. */
export function whyNot(release: ListedRelease, device: DeviceFacts, channel: ChannelFacts): string | undefined {
  const { releaseCounter, rollout } = release.custom;
  const { installed, floor } = channel;
  if (installed !== undefined && releaseCounter === installed.counter) return "it is installed";
  if (installed !== undefined && releaseCounter < installed.counter)
    return `older than what is installed (${installed.version})`;
  if (releaseCounter < floor) return `its counter ${releaseCounter} is below ${floor}, which this device has had`;
  const blocked = channel.blocked(release.sha256);
  if (blocked !== undefined) return `blocked: ${blocked}`;
  return unfit(release, device, installed?.version) ?? notChosen(rollout, device);
}

/** What the release asks for and the device is not; undefined when they fit. */
export function unfit(
  { custom: { hardware, abi, minSupervisor, rollout } }: ListedRelease,
  device: DeviceFacts,
  installed: string | undefined,
): string | undefined {
  if (hardware !== undefined && !hardware.some((each) => device.hardware.includes(each))) {
    return `for ${hardware.join(", ")}; this device is ${device.hardware.join(", ") || "unknown"}`;
  }
  const [major = 0, minor = 0] = abi?.split(".").map(Number) ?? [];
  if (abi !== undefined && (major !== device.abi.major || minor > device.abi.minor)) {
    return `needs module ABI ${abi}; this Nightjar has ${device.abi.major}.${device.abi.minor}`;
  }
  if (minSupervisor !== undefined && compareVersions(device.supervisor, minSupervisor) < 0) {
    return `needs Nightjar ${minSupervisor}; this is ${device.supervisor}`;
  }
  const { minFrom } = rollout;
  if (minFrom !== undefined && installed !== undefined && compareVersions(installed, minFrom) < 0) {
    return `needs version ${minFrom} first; ${installed} is installed`;
  }
  return undefined;
}

function notChosen({ id, permyriad, groups, halt }: ListedRelease["custom"]["rollout"], device: DeviceFacts) {
  if (halt) return "its rollout is halted";
  if (groups !== undefined && !groups.some((group) => device.groups.includes(group))) {
    return `for ${groups.join(", ")}; this device is in ${device.groups.join(", ") || "no group"}`;
  }
  if (bucketOf(id, device.id) >= permyriad) return `its rollout is at ${permyriad / 100} %, not at this device yet`;
  return undefined;
}

function notBeforeOf({ custom }: ListedRelease): number {
  const { notBefore } = custom.rollout;
  return notBefore === undefined ? 0 : Date.parse(notBefore);
}
