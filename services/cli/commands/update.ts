import { setTimeout as sleep } from "node:timers/promises";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import type { HistoryEntry } from "../../updater/database.ts";
import type { UpdateStatus } from "../../updater/types.ts";
import { Client } from "../client.ts";
import {
  type CommandSpec,
  isOn,
  type OptionSpec,
  type Result,
  type Terminal,
  textOf,
  type Values,
} from "../command.ts";
import { REACH_OPTIONS, socketOf } from "../options.ts";
import { table } from "../table.ts";

const POLL_MS = 200;
const CHANNEL = { name: "[channel]", description: "channel of the repository; default: the only one" };
const NO_WAIT: OptionSpec = { flags: "--no-wait", description: "begin, and do not wait for the end" };

export const updateStatus: CommandSpec = {
  name: "update status",
  summary: "what is installed, what there is, what is under way and what is blocked",
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const status = await clientOf(values).call("updateStatus", {});
    return { exitCode: EXIT.ok, text: statusText(status), json: status };
  },
};

export const updateCheck: CommandSpec = {
  name: "update check",
  summary: "look at the repository now, and install what is for this device",
  options: [...REACH_OPTIONS, NO_WAIT],
  json: true,
  run: async (values, terminal) => {
    const client = clientOf(values);
    return ended(await begun(client, () => client.call("checkUpdate", {}), values, terminal));
  },
};

export const updateInstall: CommandSpec = {
  name: "update install",
  summary: "install a release now, also one that was blocked or is not rolled out here yet",
  arguments: [CHANNEL],
  options: [...REACH_OPTIONS, { flags: "--version <version>", description: "this one; default: the newest" }, NO_WAIT],
  json: true,
  run: async (values, terminal) => {
    const client = clientOf(values);
    const channel = textOf(values, "channel");
    const version = textOf(values, "version");
    const wish = { ...(channel === undefined ? {} : { channel }), ...(version === undefined ? {} : { version }) };
    return ended(await begun(client, () => client.call("installUpdate", wish), values, terminal));
  },
};

export const updateRollback: CommandSpec = {
  name: "update rollback",
  summary: "go back to what served before the last release, which is not taken again by itself",
  arguments: [CHANNEL],
  options: [...REACH_OPTIONS, NO_WAIT],
  json: true,
  run: async (values, terminal) => {
    const client = clientOf(values);
    const channel = textOf(values, "channel");
    const status = await begun(
      client,
      () => client.call("rollbackUpdate", channel === undefined ? {} : { channel }),
      values,
      terminal,
    );
    return { exitCode: EXIT.ok, text: statusText(status), json: status };
  },
};

export const updateHistory: CommandSpec = {
  name: "update history",
  summary: "updates that ended, newest first",
  options: [...REACH_OPTIONS, { flags: "--limit <number>", description: "so many; default 20", parse: countOf }],
  json: true,
  run: async (values) => {
    const limit = typeof values.limit === "number" ? values.limit : 20;
    const history = await clientOf(values).call("updateHistory", { limit });
    return { exitCode: EXIT.ok, text: historyText(history), json: history };
  },
};

function clientOf(values: Values): Client {
  return new Client(socketOf(values));
}

/** Begins something and, unless told otherwise, waits for its end; on a terminal it says how far it is. */
async function begun(
  client: Client,
  begin: () => Promise<UpdateStatus>,
  values: Values,
  { stderr }: Terminal,
): Promise<UpdateStatus> {
  let status = await begin();
  // commander turns --no-wait into wait: false.
  if (values.wait === false) return status;
  const talks = stderr.isTTY === true && !isOn(values, "json");
  while (status.busy) {
    await sleep(POLL_MS);
    status = await client.call("updateStatus", {});
    if (talks) stderr.write(`\r\u001b[K${progressText(status)}`);
  }
  if (talks) stderr.write("\r\u001b[K");
  return status;
}

function progressText({ state, release, progress }: UpdateStatus): string {
  const what = release === null ? "" : ` ${release.channel} ${release.version}`;
  const share = progress === null || progress.of === 0 ? "" : ` ${Math.floor((100 * progress.done) / progress.of)} %`;
  return `${state}${what}${share}`;
}

/** A look that failed is a failure of the command; a release that was not for this device is none. */
function ended(status: UpdateStatus): Result {
  const problem = status.lastCheck?.problem ?? "";
  if (problem === "" || status.busy) return { exitCode: EXIT.ok, text: statusText(status), json: status };
  return { exitCode: EXIT.unreachable, text: `${statusText(status)}\n\nno update: ${problem}`, json: status };
}

function statusText(status: UpdateStatus): string {
  if (!status.enabled) return "no updates: updates.repository is not set in the configuration";
  const { repository, automatic, lastCheck, nextCheck, clock, blocked, channels } = status;
  const head = [
    ["repository", `${repository}${automatic ? "" : " (nothing is installed by itself)"}`],
    ["state", progressText(status)],
    [
      "last look",
      lastCheck === null ? "-" : `${timeText(lastCheck.at)}${lastCheck.problem === "" ? "" : `: ${lastCheck.problem}`}`,
    ],
    ["next look", nextCheck === null ? "-" : timeText(nextCheck)],
    ...(clock === "" ? [] : [["clock", clock]]),
    ...Object.entries(status.metadata.expires).map(([role, at]) => [
      role,
      `version ${status.metadata.versions[role]}, until ${timeText(at)}`,
    ]),
  ];
  const rows = channels.map(({ name, installed, available, reason }) => [
    name,
    installed ?? "-",
    available ?? "-",
    reason || "-",
  ]);
  const away = blocked.map(({ channel, version, failures, blocked: reason }) => [
    channel,
    version,
    String(failures),
    reason ?? "",
  ]);
  return [
    table(["", ""], head).trimStart(),
    "",
    table(["CHANNEL", "INSTALLED", "AVAILABLE", "REMARK"], rows),
    ...(away.length === 0 ? [] : ["", table(["BLOCKED", "VERSION", "FAILURES", "REASON"], away)]),
  ].join("\n");
}

function historyText(history: readonly HistoryEntry[]): string {
  if (history.length === 0) return "no update has ended yet";
  const rows = history.map(({ at, channel, version, state, reason }) => [
    timeText(at),
    channel || "-",
    version || "-",
    state,
    reason,
  ]);
  return table(["WHEN", "CHANNEL", "VERSION", "END", "REASON"], rows);
}

function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 500) return count;
  throw new ExpectedError(EXIT.usage, `--limit: found "${text}", expected a whole number from 1 to 500`);
}
