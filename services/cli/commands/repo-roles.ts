import { EXIT, ExpectedError } from "../../log/errors.ts";
import { ROLES } from "../../updater/names.ts";
import { extend, rotate } from "../../updater/repository/changes.ts";
import { readPublicKey } from "../../updater/repository/keys.ts";
import type { Workspace } from "../../updater/repository/workspace.ts";
import { type CommandSpec, type Result, textOf } from "../command.ts";
import { table } from "../table.ts";
import {
  DIRECTORY,
  KEY_OPTIONS,
  lackingText,
  listOf,
  numberBetween,
  roleOf,
  signersOf,
  workspaceOf,
} from "./repo-options.ts";

/** What is expired sooner is pointed out. */
const WARN_MS = 14 * 86_400_000;

export const repoRotate: CommandSpec = {
  name: "repo rotate",
  summary: "replace keys of a role, or its threshold; what the old keys signed counts no more",
  arguments: [DIRECTORY, { name: "<role>", description: ROLES.join(", ") }],
  options: [
    { flags: "--add <files...>", description: "public keys that join" },
    { flags: "--remove <ids...>", description: "key ids that leave (the first 8 digits do)" },
    {
      flags: "--threshold <number>",
      description: "signatures that the role needs",
      parse: (text) => numberBetween("--threshold", text, 1, 100),
    },
    ...KEY_OPTIONS,
  ],
  json: true,
  run: async (values) => {
    const workspace = workspaceOf(values);
    const role = roleOf(textOf(values, "role") ?? "");
    const threshold = typeof values.threshold === "number" ? values.threshold : undefined;
    rotate(workspace, role, {
      add: listOf(values, "add").map(readPublicKey),
      remove: listOf(values, "remove"),
      threshold,
    });
    await workspace.sign(signersOf(values, workspace));
    return {
      exitCode: EXIT.ok,
      text: `${role} has other keys once this is published; ${lackingText(workspace)}`,
      json: { lacking: workspace.lacking() },
    };
  },
};

export const repoExpire: CommandSpec = {
  name: "repo expire",
  summary: "until when each role is valid; with a role: stage it again, valid from today",
  arguments: [
    DIRECTORY,
    {
      name: "[role]",
      description: `one of ${ROLES.filter((role) => role !== "snapshot" && role !== "timestamp").join(", ")}`,
    },
  ],
  options: [
    {
      flags: "--days <number>",
      description: "so long; default: as the repository's settings say",
      parse: (text) => Math.round(numberBetween("--days", text, 1, 3650)),
    },
    ...KEY_OPTIONS,
  ],
  json: true,
  run: async (values) => {
    const workspace = workspaceOf(values);
    const name = textOf(values, "role");
    if (name === undefined) return expiryResult(workspace);
    const role = roleOf(name);
    if (role === "snapshot" || role === "timestamp")
      throw new ExpectedError(EXIT.usage, `${role} is made anew by nightjar repo publish`);
    extend(workspace, [role], typeof values.days === "number" ? values.days : undefined);
    await workspace.sign(signersOf(values, workspace));
    return {
      exitCode: EXIT.ok,
      text: `${role} is staged, valid until ${workspace.latest(role).signed.expires}; ${lackingText(workspace)}`,
      json: { lacking: workspace.lacking() },
    };
  },
};

function expiryResult(workspace: Workspace): Result {
  const rows = ROLES.map((role) => {
    const { version, expires } = workspace.latest(role).signed;
    const left = Date.parse(expires) - Date.now();
    const isSoon = left < (role === "timestamp" ? WARN_MS / 14 : WARN_MS);
    return { role, version, expires, remark: left < 0 ? "expired" : isSoon ? "soon" : "" };
  });
  const text = table(
    ["ROLE", "VERSION", "VALID UNTIL", ""],
    rows.map(({ role, version, expires, remark }) => [role, String(version), expires, remark]),
  );
  return { exitCode: EXIT.ok, text, json: rows };
}
