/** Names of the repository: its roles, and where a target of which kind lies. */

/** Roles of the TUF specification, in the order in which a client walks them. */
export const TOP_ROLES = ["root", "timestamp", "snapshot", "targets"] as const;
export type TopRole = (typeof TOP_ROLES)[number];

/**
 * Roles that `targets` delegates to, each for paths of its own, each terminating. Whoever holds the key of one of them
 * alone cannot make a device run anything: a release names the SHA-256 of every file, and every file has to be a target.
 */
export const DELEGATED_ROLES = ["releases", "modules", "models"] as const;
export type DelegatedRole = (typeof DELEGATED_ROLES)[number];
export type Role = TopRole | DelegatedRole;
export const ROLES: readonly Role[] = [...TOP_ROLES, ...DELEGATED_ROLES];

/** Deepest path of a file inside of a bundle, in names. */
const MAX_DEPTH = 4;

/** A `*` of the specification matches within one path segment, so every depth is a pattern of its own. */
export const PATHS: Readonly<Record<DelegatedRole, readonly string[]>> = {
  releases: ["releases/*/*"],
  modules: patterns("modules"),
  models: patterns("models"),
};

function patterns(prefix: string): string[] {
  return Array.from({ length: MAX_DEPTH }, (_, depth) => [prefix, "*", "*", ...Array(depth + 1).fill("*")].join("/"));
}

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

export function isDelegated(role: Role): role is DelegatedRole {
  return (DELEGATED_ROLES as readonly string[]).includes(role);
}

/** `releases/street/1.1.0.json` */
export function releaseTarget(channel: string, version: string): string {
  return `releases/${channel}/${version}.json`;
}

/** The channel and version of a release's target; undefined when it is another target. */
export function releaseOf(target: string): { readonly channel: string; readonly version: string } | undefined {
  const found = /^releases\/([^/]+)\/([^/]+)\.json$/.exec(target);
  return found === null ? undefined : { channel: found[1]!, version: found[2]! };
}

/** `modules/street/1.1.0/yolo.wasm`: everything of a bundle but its model is the modules' business. */
export function fileTarget(role: "modules" | "models", bundle: string, version: string, path: string): string {
  return `${role}/${bundle}/${version}/${path}`;
}

/** Where a target lies on the server: consistent snapshots put its SHA-256 before its name. */
export function targetLocation(target: string, sha256: string): string {
  const slash = target.lastIndexOf("/");
  return `${target.slice(0, slash + 1)}${sha256}.${target.slice(slash + 1)}`;
}

/** A path inside of a bundle that may be written on a device: relative, no "..", nothing odd. */
export function isSafePath(path: string): boolean {
  const names = path.split("/");
  return names.length <= MAX_DEPTH && names.every((name) => /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}$/.test(name));
}
