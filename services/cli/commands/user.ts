import { loadConfig } from "../../config/load.ts";
import { AccountFile, ROLES, type Role } from "../../control/accounts/account-file.ts";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import { type CommandSpec, type OptionSpec, textOf, type Values } from "../command.ts";
import { CONFIG_OPTION } from "../options.ts";
import { askNewSecret } from "../prompt.ts";
import { table } from "../table.ts";

const NAME = { name: "<name>", description: "name of the user" };

export const ROLE_OPTION: OptionSpec = {
  flags: "--role <role>",
  description: "viewer (looks) or operator (also changes)",
  default: "viewer",
};

export const userList: CommandSpec = {
  name: "user list",
  summary: "who may log in",
  options: [CONFIG_OPTION],
  json: true,
  run: (values) => {
    const file = accountsOf(values);
    if (file.problem !== "") throw new ExpectedError(EXIT.environment, file.problem);
    const users = file.users.map(({ name, role, created }) => ({ name, role, created }));
    return { exitCode: EXIT.ok, text: accountsText("user", users), json: users };
  },
};

export const userAdd: CommandSpec = {
  name: "user add",
  summary: "make a user; the password is asked for, or the first line of standard input",
  arguments: [NAME],
  options: [CONFIG_OPTION, ROLE_OPTION],
  run: async (values, terminal) => {
    const [file, name, role] = [accountsOf(values), textOf(values, "name") ?? "", roleOf(values)];
    await file.addUser(name, role, await askNewSecret(`Password of ${name}`, terminal));
    return { exitCode: EXIT.ok, text: `${name} may log in, as ${role}` };
  },
};

export const userRemove: CommandSpec = {
  name: "user remove",
  summary: "remove a user, who is logged out at once",
  arguments: [NAME],
  options: [CONFIG_OPTION],
  run: (values) => {
    const [file, name] = [accountsOf(values), textOf(values, "name") ?? ""];
    file.removeUser(name);
    const last = file.isEmpty
      ? ", and was the last: a console on this machine's own address is now open to everyone on it"
      : "";
    return { exitCode: EXIT.ok, text: `${name} was removed${last}` };
  },
};

export const userPassword: CommandSpec = {
  name: "user password",
  summary: "change the password of a user, who has to log in again",
  arguments: [NAME],
  options: [CONFIG_OPTION],
  run: async (values, terminal) => {
    const [file, name] = [accountsOf(values), textOf(values, "name") ?? ""];
    await file.setPassword(name, await askNewSecret(`New password of ${name}`, terminal));
    return { exitCode: EXIT.ok, text: `the password of ${name} was changed` };
  },
};

/** The file of users of a configuration. */
export function accountsOf(values: Values): AccountFile {
  return new AccountFile(loadConfig(textOf(values, "config") ?? "").console.users);
}

export function roleOf(values: Values): Role {
  const given = textOf(values, "role");
  const role = ROLES.find((known) => known === given);
  if (role !== undefined) return role;
  throw new ExpectedError(EXIT.usage, `--role: found "${given}", expected ${ROLES.join(" or ")}`);
}

/** @param what "user" */
export function accountsText(
  what: string,
  accounts: readonly { readonly name: string; readonly role: string; readonly created: number }[],
): string {
  if (accounts.length === 0) return `there are no ${what}s`;
  const rows = accounts.map(({ name, role, created }) => [name, role, new Date(created).toISOString().slice(0, 10)]);
  return table([what.toUpperCase(), "ROLE", "SINCE"], rows);
}
