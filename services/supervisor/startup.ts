/** What has to be in place before anything runs. */
import { accessSync, chmodSync, constants } from "node:fs";
import type { Config } from "../config/load.ts";
import { secretFileWarning } from "../config/secrets.ts";
import { codeOf, EXIT, ExpectedError } from "../log/errors.ts";
import { makeDirectory } from "../log/make-directory.ts";
import type { RegisteredCamera } from "./camera-registry.ts";

/** sun_path of a Unix socket. Bytes. */
const MAX_SOCKET_PATH = 107;

/** Makes the directories of a configuration. @throws ExpectedError that names the key of one that cannot be used. */
export function prepareDirectories({ directories }: Config, sockets: readonly string[]): void {
  prepare(directories.runtime, "directories.runtime", 0o700);
  // Sockets lie here: also a directory that was there before is closed to others.
  chmodSync(directories.runtime, 0o700);
  prepare(directories.state, "directories.state", 0o750);
  for (const path of sockets) {
    if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) continue;
    const message = `directories.runtime: ${path} is longer than ${MAX_SOCKET_PATH} bytes, the most for a socket; choose a shorter one`;
    throw new ExpectedError(EXIT.configuration, message);
  }
}

/** One line for each password file that everyone can read. */
export function openSecretWarnings({ mqtt }: Config, cameras: readonly RegisteredCamera[]): string[] {
  const broker = mqtt.password === undefined ? undefined : secretFileWarning(mqtt.password, "mqtt.password");
  const sources = cameras.map(({ camera: { id, source } }) => {
    if (source.type !== "rtsp" || source.password === undefined) return undefined;
    return secretFileWarning(source.password, `camera ${id}: source.password`);
  });
  return [broker, ...sources].filter((warning) => warning !== undefined);
}

function prepare(path: string, key: string, mode: number): void {
  try {
    makeDirectory(path, mode);
    accessSync(path, constants.W_OK);
  } catch (error) {
    const message = `${key}: ${path} cannot be made or used (${codeOf(error)}); choose a directory that this user may write`;
    throw new ExpectedError(EXIT.environment, message, { cause: error });
  }
}
