/** A file of users whose passwords are cheap to check: tests log in often. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AccountFile, type Role } from "../../../../services/control/accounts/account-file.ts";
import { hashPassword } from "../../../../services/control/accounts/password.ts";

export const PASSWORD = "correct horse";
const CHEAP = { N: 1024, r: 8, p: 1 };

/** Writes <folder>/state/users.json. All have PASSWORD. */
export async function makeUsers(folder: string, users: Readonly<Record<string, Role>>): Promise<AccountFile> {
  const password = await hashPassword(PASSWORD, CHEAP);
  const entries = Object.entries(users).map(([name, role]) => ({ name, role, created: 0, password }));
  const path = join(folder, "state/users.json");
  mkdirSync(join(folder, "state"), { recursive: true });
  writeFileSync(path, JSON.stringify({ version: 1, users: entries, tokens: [] }), { mode: 0o600 });
  return new AccountFile(path);
}
