import { accessSync, constants, existsSync } from "node:fs";
import { type Config, ConfigError, loadConfig } from "../../config/load.ts";
import { readSecret, secretFileWarning } from "../../config/secrets.ts";
import { expectUsers } from "../../control/accounts/expect-users.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { PipelineSettings } from "../../pipeline/messages.ts";
import { labelWarnings } from "../../supervisor/labels.ts";
import { findBundles, pipelineSettings } from "../../supervisor/pipeline-settings.ts";
import { checkZoneLabels } from "../../supervisor/zones.ts";
import { type CommandSpec, type Result, textOf, type Values } from "../command.ts";
import { CONFIG_OPTION, durationOf } from "../options.ts";

/** A bundle of gigabytes on a slow disk takes this long; the demo's takes a second. Milliseconds. */
const DEFAULT_LIMIT_MS = 60_000;

export const validate: CommandSpec = {
  name: "validate",
  summary: "check a configuration and the bundles that it names; every problem in one line",
  options: [
    CONFIG_OPTION,
    { flags: "--no-bundles", description: "do not load the bundles: models and modules are not looked at" },
    {
      flags: "--limit <time>",
      description: "how long loading the bundles may take (default: 60s)",
      parse: limitOption,
    },
  ],
  json: true,
  run: (values) => check(textOf(values, "config") ?? "", values),
};

function limitOption(text: string): number {
  return durationOf("--limit", text);
}

async function check(file: string, values: Values): Promise<Result> {
  try {
    const config = loadConfig(file);
    const updates = await updateProblems(config);
    const problems = [...referenceProblems(config), ...updates.problems, ...(await bundleProblems(config, values))];
    if (problems.length > 0) return invalid(file, problems, problems.map(({ message }) => message).join("\n"));
    const warnings = [...labelWarnings(findBundles(config)), ...fileWarnings(config), ...updates.warnings];
    const text = [...warnings.map((warning) => `warning: ${warning}`), summary(config)].join("\n");
    return { exitCode: EXIT.ok, text, json: { valid: true, file, problems: [], warnings } };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return invalid(file, error.problems, error.message);
  }
}

function invalid(file: string, problems: readonly object[], text: string): Result {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return {
    exitCode: EXIT.configuration,
    text: `${text}\n${file}: ${count}`,
    json: { valid: false, file, problems, warnings: [] },
  };
}

/** What the file refers to and is needed for any camera: bundles, labels, the broker's password. */
function referenceProblems(config: Config): { key: string; message: string }[] {
  return [
    () => {
      settingsOf(config);
      checkZoneLabels(config, findBundles(config).detector);
    },
    () => (config.mqtt.password === undefined ? undefined : readSecret(config.mqtt.password, "mqtt.password")),
    ...(["ca", "certificate", "key"] as const).map(
      (part) => () => requireFile(config.mqtt.tls[part], `mqtt.tls.${part}`),
    ),
    ...(["certificate", "key"] as const).map(
      (part) => () => requireFile(config.console.tls[part], `console.tls.${part}`),
    ),
    // The service's own files may not be this user's to read: then the start will tell.
    () => (mayLook(config.console.users) ? expectUsers(config) : undefined),
  ].flatMap((step) => {
    try {
      step();
      return [];
    } catch (error) {
      if (error instanceof ExpectedError) return [{ key: "", message: messageOf(error) }];
      throw error;
    }
  });
}

function requireFile(path: string | undefined, key: string): void {
  if (path === undefined || existsSync(path)) return;
  throw new ExpectedError(EXIT.configuration, `${key}: expected a PEM file at ${path}, but there is no such file`);
}

function mayLook(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (error) {
    return codeOf(error) !== "EACCES";
  }
}

interface Problems {
  readonly problems: readonly { readonly key: string; readonly message: string }[];
  readonly warnings: readonly string[];
}

/** The first root and the certificates, where there are updates. Nothing is asked of the repository: doctor does. */
async function updateProblems(config: Config): Promise<Problems> {
  if (config.updates.repository === undefined) return { problems: [], warnings: [] };
  const { checkUpdates } = await import("../update-check.ts");
  const { problems, warnings } = checkUpdates(config);
  return { problems: problems.map((message) => ({ key: "updates", message })), warnings };
}

/** What a run would refuse of the bundles. Only for those that are there. */
async function bundleProblems(config: Config, values: Values): Promise<{ key: string; message: string }[]> {
  if (values.bundles === false) return [];
  const settings = attempt(() => settingsOf(config));
  if (settings === undefined) return [];
  // The rest of the command line does not need to know how to start processes.
  const { checkBundles } = await import("../bundle-check.ts");
  const problems = await checkBundles(
    config,
    settings,
    typeof values.limit === "number" ? values.limit : DEFAULT_LIMIT_MS,
  );
  return problems.map(({ key, message }) => ({ key, message: `${key}: ${message}` }));
}

/** undefined: what is wrong has been said by referenceProblems. */
function attempt<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (error instanceof ExpectedError) return undefined;
    throw error;
  }
}

function settingsOf(config: Config): PipelineSettings {
  const bundles = findBundles(config);
  // Their bundle is looked at without any zone: those have been checked with the rest of the configuration.
  const zones = bundles.zones === undefined ? {} : { zones: "" };
  return pipelineSettings({ config, cameras: [], bundles, ...zones, hostSocket: "", messageConfigFile: "" });
}

/** What keeps one camera from playing, but not Nightjar from running. */
function fileWarnings(config: Config): string[] {
  return config.cameras.flatMap(({ id, source }) => {
    if (source.type === "file" && !/^[a-z]+:\/\//.test(source.path) && !existsSync(source.path)) {
      return [`camera ${id}: there is no file ${source.path}`];
    }
    if (source.type === "v4l2" && !existsSync(source.device))
      return [`camera ${id}: there is no device ${source.device}`];
    if (source.type === "rtsp" && source.tls.ca !== undefined && !existsSync(source.tls.ca))
      return [`camera ${id}: source.tls.ca: there is no file ${source.tls.ca}`];
    if (source.type !== "rtsp" || source.password === undefined) return [];
    const { file } = source.password;
    if (file !== undefined && !existsSync(file)) return [`camera ${id}: there is no password file ${file}`];
    return secretFileWarning(source.password, `camera ${id}: source.password`) ?? [];
  });
}

function summary(config: Config): string {
  const cameras = config.cameras.length === 1 ? "1 camera" : `${config.cameras.length} cameras`;
  const broker = config.mqtt.url ?? `embedded broker on ${config.mqtt.embedded.listen}`;
  return `${config.file} is valid: ${cameras}, detector ${config.inference.bundle}, ${broker}`;
}
