/** Where Nightjar keeps what: the service manager's directories, else the user's. */
import { existsSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Root of the installation (or of the checkout): the directory that has services/ in it. */
export const INSTALLATION = join(import.meta.dirname, "..", "..");

/** Where the service that the Debian package installs has its things (ConfigurationDirectory=, StateDirectory=, … of its unit). */
export const SERVICE = {
  configuration: "/etc/nightjar",
  runtime: "/run/nightjar",
  state: "/var/lib/nightjar",
} as const;

/** Sockets of the running Nightjar. @param file the configuration: the service's means the service's directories, for root too */
export function defaultRuntimeDirectory(
  env: Environment = process.env,
  file?: string,
  service: Places = SERVICE,
): string {
  if (env.RUNTIME_DIRECTORY) return first(env.RUNTIME_DIRECTORY);
  if (isOfService(file, service)) return service.runtime;
  if (env.XDG_RUNTIME_DIR) return join(env.XDG_RUNTIME_DIR, "nightjar");
  return join(tmpdir(), `nightjar-${process.getuid?.() ?? 0}`);
}

/** What survives a restart. @param file as above */
export function defaultStateDirectory(
  env: Environment = process.env,
  file?: string,
  service: Places = SERVICE,
): string {
  if (env.STATE_DIRECTORY) return first(env.STATE_DIRECTORY);
  if (isOfService(file, service)) return service.state;
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, "nightjar");
  return join(homedir(), ".local", "state", "nightjar");
}

type Places = Readonly<Record<keyof typeof SERVICE, string>>;

/** On a machine that has the service. */
function isOfService(file: string | undefined, { configuration, state }: Places): boolean {
  return file !== undefined && dirname(file) === configuration && existsSync(state);
}

/** The bundles that Nightjar was built with. */
export function defaultBundlesDirectory(): string {
  return join(INSTALLATION, "build", "bundles");
}

/** systemd separates several directories by colons. */
function first(list: string): string {
  return list.split(":")[0] ?? list;
}
