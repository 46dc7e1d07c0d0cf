/** Logging in: throttled, one password at a time, and alike for users that do not exist. */
import type { Logger } from "../../log/logger.ts";
import type { AccountFile } from "./account-file.ts";
import { isPassword, MAX_PASSWORD } from "./password.ts";
import type { Sessions } from "./sessions.ts";
import { Throttle } from "./throttle.ts";

/** Tries that wait for the one being checked; each takes a core some tenths of a second. */
const MOST_WAITING = 8;

export type LoginAnswer =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly reason: "wrong" }
  /** `waitMs`: when to try again. */
  | { readonly ok: false; readonly reason: "wait"; readonly waitMs: number };

export class Login {
  readonly #accounts: AccountFile;
  readonly #sessions: Sessions;
  readonly #log: Logger;
  readonly #throttle: Throttle;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(accounts: AccountFile, sessions: Sessions, log: Logger, now: () => number = Date.now) {
    this.#accounts = accounts;
    this.#sessions = sessions;
    this.#log = log;
    this.#throttle = new Throttle(now);
  }

  /** @param address of the other side */
  async try(name: string, password: string, address: string): Promise<LoginAnswer> {
    const waitMs = this.#throttle.waitMs(address, name);
    if (waitMs > 0) return { ok: false, reason: "wait", waitMs };
    if (this.#waiting >= MOST_WAITING) return { ok: false, reason: "wait", waitMs: 1000 };
    this.#throttle.tried(address, name);
    const user = this.#accounts.user(name);
    const isRight = await this.#inTurn(() => isPassword(password.slice(0, MAX_PASSWORD * 2), user?.password));
    if (!isRight || user === undefined) {
      this.#throttle.failed(address, name);
      this.#log.warn({ user: user?.name ?? "unknown", address }, "a login failed");
      return { ok: false, reason: "wrong" };
    }
    this.#throttle.succeeded(address, name);
    this.#log.info({ user: user.name, role: user.role, address }, "logged in");
    return { ok: true, token: this.#sessions.begin(user) };
  }

  async #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#waiting += 1;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}
