/** A console that other machines reach has users: checked by nightjar validate, and before it listens. */
import { isLoopbackListener } from "../../config/listen.ts";
import type { Config } from "../../config/load.ts";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import { AccountFile } from "./account-file.ts";

/** @throws ExpectedError when other machines can reach the console and nobody could log in */
export function expectUsers({ console: { enabled, listen, users } }: Config, accounts = new AccountFile(users)): void {
  if (!enabled || isLoopbackListener(listen)) return;
  if (accounts.problem !== "") throw new ExpectedError(EXIT.configuration, `console.users: ${accounts.problem}`);
  if (!accounts.isEmpty) return;
  const message = `console.listen: ${listen} can be reached by other machines, and there is no user in ${users}; make one (nightjar user add NAME -c FILE), or listen on 127.0.0.1`;
  throw new ExpectedError(EXIT.configuration, message);
}
