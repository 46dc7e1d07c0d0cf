import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AccountFile, type User } from "../../../../services/control/accounts/account-file.ts";
import { Sessions } from "../../../../services/control/accounts/sessions.ts";

const MINUTE = 60_000;

let folder: string;
let accounts: AccountFile;
let sessions: Sessions;
let ann: User;
const clock = { now: Date.now() };
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-sessions-"));
  accounts = new AccountFile(join(folder, "users.json"));
  await accounts.addUser("ann", "operator", "correct horse");
  ann = accounts.user("ann")!;
  sessions = new Sessions(accounts, () => clock.now);
});
afterEach(() => {
  sessions.close();
  rmSync(folder, { recursive: true });
});

it("a session is over after half an hour without a request", () => {
  const token = sessions.begin(ann);
  clock.now += 29 * MINUTE;
  expect(sessions.find(token)?.user).toBe("ann");
  clock.now += 29 * MINUTE;
  expect(sessions.find(token)?.user).toBe("ann");
  clock.now += 31 * MINUTE;
  expect(sessions.find(token)).toBeUndefined();
});

it("a session is over after twelve hours, however busy it is, and a stream's looks keep none alive", () => {
  const token = sessions.begin(ann);
  for (let i = 0; i < 12 * 4; i++) {
    clock.now += 15 * MINUTE;
    expect(sessions.find(token)?.user).toBe("ann");
  }
  clock.now += MINUTE;
  expect(sessions.find(token)).toBeUndefined();
  const idle = sessions.begin(ann);
  for (let i = 0; i < 3; i++) {
    clock.now += 9 * MINUTE;
    expect(sessions.isAlive(idle)).toBe(true);
  }
  clock.now += 4 * MINUTE;
  expect(sessions.isAlive(idle)).toBe(false);
});

it("a session ends with its user, and with the password that began it", async () => {
  const before = sessions.begin(ann);
  await accounts.setPassword("ann", "battery staple");
  expect(sessions.find(before)).toBeUndefined();
  const after = sessions.begin(accounts.user("ann")!);
  expect(sessions.find(after)?.role).toBe("operator");
  accounts.removeUser("ann");
  expect(sessions.find(after)).toBeUndefined();
});

it("a user has ten sessions at most: the oldest ends", () => {
  const tokens = Array.from({ length: 11 }, () => sessions.begin(ann));
  expect(tokens.map((token) => sessions.isAlive(token))).toEqual([false, ...Array.from({ length: 10 }, () => true)]);
});

it("no two tokens are alike, and a wrong one is nobody's", () => {
  const tokens = new Set(Array.from({ length: 100 }, () => sessions.begin(ann)));
  expect(tokens.size).toBe(100);
  for (const token of tokens) expect(Buffer.from(token, "base64url")).toHaveLength(32);
  expect(sessions.find("")).toBeUndefined();
  expect(sessions.find("x".repeat(43))).toBeUndefined();
});
