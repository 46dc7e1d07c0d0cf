/** Who is logged in. A session is a random number in a cookie; only its hash is kept, in memory: a restart logs everybody out. */
import { createHash, randomBytes } from "node:crypto";
import type { AccountFile, Role, User } from "./account-file.ts";

/** Without a request for this long it is over. Milliseconds. */
const IDLE_MS = 30 * 60_000;
/** It is over after this in any case. Milliseconds. */
const LONGEST_MS = 12 * 3600_000;
/** Of one user; the oldest ends when there are more. */
const MOST_OF_USER = 10;
const TOKEN_BYTES = 32;
/** How often those that are over are thrown away. Milliseconds. */
const SWEEP_MS = 60_000;

export interface Session {
  readonly user: string;
  readonly role: Role;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

interface Kept extends Session {
  /** Of the password that was right: another one ends the session. */
  readonly passwordHash: string;
  usedAt: number;
}

export class Sessions {
  readonly #accounts: AccountFile;
  readonly #now: () => number;
  /** By the token's hash. */
  readonly #sessions = new Map<string, Kept>();
  readonly #timer: NodeJS.Timeout;

  constructor(accounts: AccountFile, now: () => number = Date.now) {
    this.#accounts = accounts;
    this.#now = now;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** @returns the token for the cookie: always a new one, whatever the browser had before. */
  begin({ name, role, password }: User): string {
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const now = this.#now();
    this.#sessions.set(hashOf(token), { user: name, role, startedAt: now, usedAt: now, passwordHash: password.hash });
    this.#limit(name);
    return token;
  }

  /** The session of a cookie, if it still is one. Asking counts as use. */
  find(token: string): Session | undefined {
    const session = this.#alive(token);
    if (session !== undefined) session.usedAt = this.#now();
    return session;
  }

  /** The same, for a look that is nobody's doing. */
  isAlive(token: string): boolean {
    return this.#alive(token) !== undefined;
  }

  end(token: string): void {
    this.#sessions.delete(hashOf(token));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #alive(token: string): Kept | undefined {
    const key = hashOf(token);
    const session = this.#sessions.get(key);
    if (session === undefined || this.#holds(session)) return session;
    this.#sessions.delete(key);
    return undefined;
  }

  #holds({ user, role, passwordHash, startedAt, usedAt }: Kept): boolean {
    const now = this.#now();
    if (now - usedAt > IDLE_MS || now - startedAt > LONGEST_MS) return false;
    const account = this.#accounts.user(user);
    return account?.role === role && account.password.hash === passwordHash;
  }

  #sweep(): void {
    for (const [key, session] of this.#sessions) if (!this.#holds(session)) this.#sessions.delete(key);
  }

  #limit(user: string): void {
    const own = [...this.#sessions].filter(([, session]) => session.user === user);
    for (const [key] of own.slice(0, -MOST_OF_USER)) this.#sessions.delete(key);
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
