import { type Config, loadConfig, parseConfig } from "../../config/load.ts";
import { EXIT } from "../../log/errors.ts";
import { Client } from "../client.ts";
import { type CommandSpec, type Result, textOf, type Values } from "../command.ts";
import type { CheckGroup, Finding } from "../doctor/check.ts";
import { deepstream } from "../doctor/deepstream.ts";
import { gstreamer } from "../doctor/gstreamer.ts";
import { hardware } from "../doctor/hardware.ts";
import { machine } from "../doctor/machine.ts";
import { software } from "../doctor/software.ts";
import { socketOf } from "../options.ts";
import { palette } from "../view/style.ts";

export const doctor: CommandSpec = {
  name: "doctor",
  summary: "check everything that Nightjar needs, with a remedy for what is missing",
  options: [
    {
      flags: "-c, --config <file>",
      description: "configuration file; its directories, ports, broker and cameras are checked",
    },
  ],
  json: true,
  run: async (values, { stdout }) => report(await examine(values), stdout.isTTY === true),
};

export interface Examined {
  readonly title: string;
  readonly findings: readonly Finding[];
}

/** Runs every check. @throws ExpectedError when the configuration is wrong */
export async function examine(values: Values): Promise<Examined[]> {
  const config = configOf(values);
  const groups: CheckGroup[] = [
    software(config.directories.bundles),
    gstreamer(config.pipeline.profile),
    ...(config.pipeline.profile === "deepstream" ? [deepstream(config)] : []),
    hardware(config),
    machine(config, await isRunning(values)),
    ...(await updatesOf(config)),
  ];
  return Promise.all(groups.map(async (group) => ({ title: group.title, findings: await group.run() })));
}

async function updatesOf(config: Config): Promise<CheckGroup[]> {
  const { repository } = config.updates;
  if (repository === undefined) return [];
  const { updates } = await import("../doctor/updates.ts");
  return [updates(config, repository)];
}

/** Without a file, the defaults. */
export function configOf(values: Values): Config {
  const file = textOf(values, "config");
  return file === undefined ? parseConfig("version: 1", "nightjar.yaml") : loadConfig(file);
}

async function isRunning(values: Values): Promise<boolean> {
  try {
    await new Client(socketOf(values)).call("listCameras", {});
    return true;
  } catch {
    return false;
  }
}

function report(groups: readonly Examined[], color: boolean): Result {
  const json = reportOf(groups);
  const text = [...groups.flatMap((group) => groupText(group, color)), verdict(json.missing, json.warnings)].join("\n");
  return { exitCode: json.healthy ? EXIT.ok : EXIT.environment, text, json };
}

/** What --json prints. */
export function reportOf(groups: readonly Examined[]) {
  const count = (wanted: Finding["status"]) =>
    groups.flatMap((group) => group.findings).filter(({ status }) => status === wanted).length;
  const missing = count("missing");
  return { healthy: missing === 0, missing, warnings: count("warning"), groups };
}

function groupText({ title, findings }: Examined, color: boolean): string[] {
  const paint = palette(color);
  const marks = { ok: paint.good("✔"), warning: paint.warn("!"), missing: paint.bad("✖") };
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, status, found, remedy }) => [
    ` ${marks[status]} ${name.padEnd(width)}  ${status === "ok" ? paint.dim(found) : found}`,
    ...(remedy === "" ? [] : [`   ${" ".repeat(width)}  → ${remedy}`]),
  ]);
  return [paint.bold(title), ...lines, ""];
}

function verdict(missing: number, warnings: number): string {
  const many = (n: number, one: string, more: string) => (n === 1 ? `1 ${one}` : `${n} ${more}`);
  if (missing > 0) return `${many(missing, "thing is", "things are")} missing`;
  return warnings > 0 ? `works, with ${many(warnings, "warning", "warnings")}` : "everything is in place";
}
