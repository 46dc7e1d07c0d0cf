import { EXIT, ExpectedError } from "../../log/errors.ts";
import { type CommandSpec, textOf } from "../command.ts";
import { CONFIG_OPTION } from "../options.ts";
import { accountsOf, accountsText, ROLE_OPTION, roleOf } from "./user.ts";

const NAME = { name: "<name>", description: "name of the token: what it is for" };

export const tokenList: CommandSpec = {
  name: "token list",
  summary: "the tokens that there are; what they are is known to nobody",
  options: [CONFIG_OPTION],
  json: true,
  run: (values) => {
    const file = accountsOf(values);
    if (file.problem !== "") throw new ExpectedError(EXIT.environment, file.problem);
    const tokens = file.tokens.map(({ name, role, created }) => ({ name, role, created }));
    return { exitCode: EXIT.ok, text: accountsText("token", tokens), json: tokens };
  },
};

export const tokenAdd: CommandSpec = {
  name: "token add",
  summary: "make a token and print it: the only time that it is seen",
  arguments: [NAME],
  options: [CONFIG_OPTION, ROLE_OPTION],
  json: true,
  run: (values) => {
    const [name, role] = [textOf(values, "name") ?? "", roleOf(values)];
    const token = accountsOf(values).addToken(name, role);
    return { exitCode: EXIT.ok, text: token, json: { name, role, token } };
  },
};

export const tokenRemove: CommandSpec = {
  name: "token remove",
  summary: "remove a token: it is worth nothing at once",
  arguments: [NAME],
  options: [CONFIG_OPTION],
  run: (values) => {
    const name = textOf(values, "name") ?? "";
    accountsOf(values).removeToken(name);
    return { exitCode: EXIT.ok, text: `the token ${name} was removed` };
  },
};
