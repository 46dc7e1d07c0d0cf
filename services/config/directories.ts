/** Where Nightjar keeps what: the service manager's directories, else the user's. */
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Root of the installation (or of the checkout): the directory that has services/ in it. */
export const INSTALLATION = join(import.meta.dirname, "..", "..");

/** Sockets of the service that the Debian package installs (RuntimeDirectory= of its unit). */
export const SERVICE_RUNTIME_DIRECTORY = "/run/nightjar";

/** Sockets of the running Nightjar. */
export function defaultRuntimeDirectory(env: Environment = process.env): string {
  if (env.RUNTIME_DIRECTORY) return first(env.RUNTIME_DIRECTORY);
  if (env.XDG_RUNTIME_DIR) return join(env.XDG_RUNTIME_DIR, "nightjar");
  return join(tmpdir(), `nightjar-${process.getuid?.() ?? 0}`);
}

/** What survives a restart. */
export function defaultStateDirectory(env: Environment = process.env): string {
  if (env.STATE_DIRECTORY) return first(env.STATE_DIRECTORY);
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, "nightjar");
  return join(homedir(), ".local", "state", "nightjar");
}

/** The bundles that Nightjar was built with. */
export function defaultBundlesDirectory(): string {
  return join(INSTALLATION, "build", "bundles");
}

/** systemd separates several directories by colons. */
function first(list: string): string {
  return list.split(":")[0] ?? list;
}
