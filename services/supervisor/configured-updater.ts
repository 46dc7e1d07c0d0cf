/** The updater that a configuration asks for. Imported only where there is one: it costs memory (tuf-js and what it needs). */
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { type Config, whyUnreadable } from "../config/load.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { ABI_MAJOR, ABI_MINOR } from "../postprocess/module_abi.ts";
import { systemClock } from "../updater/clock.ts";
import { makeDurableDirectory } from "../updater/durable.ts";
import { readFirstRoot } from "../updater/first-root.ts";
import { Transport, type TransportOptions } from "../updater/transport.ts";
import { Updater } from "../updater/updater.ts";
import type { UpdateSources } from "./updates.ts";
import { VERSION } from "./version.ts";

/** This version of Nightjar did not exist before: no clock that says so is right. */
const BUILT = Date.UTC(2026, 10, 22);

/** @throws ExpectedError when a key of the configuration, or a file that it names, is wrong */
export function configuredUpdater(repository: string, sources: UpdateSources): Updater {
  const { config, log, activator, bundles, onChange } = sources;
  const { updates, device, directories } = config;
  const { module, model, shadow, agreement, frameRate } = updates.probation;
  const { bytes: firstRoot, warnings } = readFirstRoot(updates.root);
  for (const warning of warnings) log.warn(`updates.root: ${warning}`);
  const transport = configuredTransport(config);
  // Releases are known by their directory, and whoever serves them names it without links.
  makeDurableDirectory(directories.state);
  const updater: Updater = new Updater({
    options: {
      repository,
      directory: join(realpathSync(directories.state), "updates"),
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
    firstRoot,
    transport,
    clock: systemClock(updates.clock, BUILT),
    activator,
    log,
    onChange: () => onChange(updater.status()),
  });
  return updater;
}

/** How the repository is reached. @throws ExpectedError when a certificate or a key cannot be used */
export function configuredTransport({ updates }: Config): Transport {
  return new Transport({
    idleMs: updates.idleTimeout,
    rate: updates.rate,
    proxy: updates.proxy,
    tls: certificatesOf(updates.tls),
    userAgent: `nightjar/${VERSION}`,
  });
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

function certificatesOf({ ca, certificate, key }: Config["updates"]["tls"]): TransportOptions["tls"] {
  const given = { ca: pemOf(ca, "ca"), certificate: pemOf(certificate, "certificate"), key: pemOf(key, "key") };
  if ((given.certificate === undefined) !== (given.key === undefined)) {
    const [has, lacks] = given.key === undefined ? ["certificate", "key"] : ["key", "certificate"];
    throw new ExpectedError(
      EXIT.configuration,
      `updates.tls.${has} is set and updates.tls.${lacks} is not: both belong together`,
    );
  }
  const tls = Object.fromEntries(Object.entries(given).filter(([, text]) => text !== undefined));
  try {
    createSecureContext({ ...tls, cert: given.certificate });
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `updates.tls: ${certificateProblem(error)}`, { cause: error });
  }
  return tls;
}

function certificateProblem(error: unknown): string {
  if (codeOf(error) === "ERR_OSSL_X509_KEY_VALUES_MISMATCH") return "key is not the key of certificate";
  const isEncrypted = /ENCRYPTED|passphrase|bad decrypt|interrupted or cancelled/i.test(messageOf(error));
  return isEncrypted
    ? "key is encrypted: expected one without a passphrase"
    : `a file holds no PEM (${messageOf(error)})`;
}

function pemOf(path: string | undefined, name: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ExpectedError(
      EXIT.configuration,
      `updates.tls.${name}: ${path}: ${whyUnreadable(error)}; expected a file in PEM`,
      { cause: error },
    );
  }
}
