import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AccountFile } from "../../../../services/control/accounts/account-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-accounts-"));
  path = join(folder, "users.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

it("only its owner can read it, and no password or token stands in it", async () => {
  const file = new AccountFile(path);
  await file.addUser("ann", "viewer", "correct horse");
  const token = file.addToken("prometheus", "viewer");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const text = readFileSync(path, "utf8");
  expect(text).not.toContain("correct");
  expect(text).not.toContain(token.slice(4));
  expect(file.token(token)).toMatchObject({ name: "prometheus", role: "viewer" });
});

it("what another process writes holds at once", async () => {
  const [running, command] = [new AccountFile(path), new AccountFile(path)];
  expect(running.isEmpty).toBe(true);
  await command.addUser("ann", "viewer", "correct horse");
  expect(running.user("ann")?.role).toBe("viewer");
  command.removeUser("ann");
  expect(running.isEmpty).toBe(true);
});

it.each(["", "{", '{"version":1,"users":[{"name":"ann"}],"tokens":[]}', '{"version":2}'])(
  "a file that holds %j lets nobody in, does not count as empty, and is not written over",
  async (text) => {
    writeFileSync(path, text);
    const file = new AccountFile(path);
    expect(file).toMatchObject({ isEmpty: false, users: [], problem: expect.stringContaining("nobody can log in") });
    await expect(file.addUser("bob", "operator", "correct horse")).rejects.toThrow(path);
    expect(readFileSync(path, "utf8")).toBe(text);
  },
);

it.skipIf(process.getuid?.() === 0)("one that may not be read does not count as empty", async () => {
  await new AccountFile(path).addUser("ann", "viewer", "correct horse");
  chmodSync(path, 0);
  expect(new AccountFile(path)).toMatchObject({ isEmpty: false, problem: expect.stringContaining("EACCES") });
});

it("names are unique, known when they are removed, and no paths", async () => {
  const file = new AccountFile(path);
  await file.addUser("ann", "viewer", "correct horse");
  await expect(file.addUser("ann", "operator", "correct horse")).rejects.toThrow('there is a user "ann" already');
  expect(() => file.removeUser("bob")).toThrow('there is no user "bob"; there are: ann');
  expect(() => file.addToken("../x", "viewer")).toThrow("expected letters, digits");
});
