import { existsSync } from "node:fs";
import { type Config, ConfigError, loadConfig } from "../../config/load.ts";
import { readSecret, secretFileWarning } from "../../config/secrets.ts";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import { findBundles, pipelineSettings } from "../../supervisor/pipeline-settings.ts";
import { type CommandSpec, type Result, textOf } from "../command.ts";
import { CONFIG_OPTION } from "../options.ts";

export const validate: CommandSpec = {
  name: "validate",
  summary: "check a configuration; every problem in one line",
  options: [CONFIG_OPTION],
  json: true,
  run: (values) => check(textOf(values, "config") ?? ""),
};

function check(file: string): Result {
  try {
    const config = loadConfig(file);
    const problems = referenceProblems(config);
    if (problems.length > 0)
      return invalid(
        file,
        problems.map((message) => ({ key: "", message })),
        problems.join("\n"),
      );
    const warnings = fileWarnings(config);
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
function referenceProblems(config: Config): string[] {
  return [
    () => checkBundles(config),
    () => (config.mqtt.password === undefined ? undefined : readSecret(config.mqtt.password, "mqtt.password")),
  ].flatMap((step) => {
    try {
      step();
      return [];
    } catch (error) {
      if (error instanceof ExpectedError) return [messageOf(error)];
      throw error;
    }
  });
}

function checkBundles(config: Config): void {
  const bundles = findBundles(config);
  pipelineSettings({ config, cameras: [], bundles, hostSocket: "", messageConfigFile: "" });
}

/** What keeps one camera from playing, but not Nightjar from running. */
function fileWarnings(config: Config): string[] {
  return config.cameras.flatMap(({ id, source }) => {
    if (source.type === "file" && !/^[a-z]+:\/\//.test(source.path) && !existsSync(source.path)) {
      return [`camera ${id}: there is no file ${source.path}`];
    }
    if (source.type === "v4l2" && !existsSync(source.device))
      return [`camera ${id}: there is no device ${source.device}`];
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
