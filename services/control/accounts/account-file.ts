/**
 * Who may use the control interface: users with passwords, and tokens for programs. One file (0600), written by the command line,
 * read again by the running Nightjar whenever it has changed.
 */
import { createHash, randomBytes } from "node:crypto";
import { chownSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { codeOf, EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import { writeFileAtomically } from "../../supervisor/atomic-file.ts";
import { expectGoodPassword, hashPassword, passwordEntry } from "./password.ts";

/** viewer looks; operator also changes. */
export const ROLES = ["viewer", "operator"] as const;
export type Role = (typeof ROLES)[number];

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const NAME_EXPECTED = "letters, digits and . _ @ - (at most 64, a letter or digit first)";
const MOST = 100;

const name = z.string().regex(NAME);
const role = z.enum(ROLES);
/** Milliseconds since 1970. */
const created = z.number();

const schema = z.strictObject({
  version: z.literal(1),
  users: z.array(z.strictObject({ name, role, created, password: passwordEntry })).max(MOST),
  /** The token itself is shown once and kept nowhere. */
  tokens: z.array(z.strictObject({ name, role, created, sha256: z.string().regex(/^[0-9a-f]{64}$/) })).max(MOST),
});

type Content = z.output<typeof schema>;
export type User = Content["users"][number];
export type Token = Content["tokens"][number];

const EMPTY: Content = { version: 1, users: [], tokens: [] };
/** Tells a token of ours from other secrets: leak scanners look for such marks. */
const TOKEN_MARK = "njt_";

export class AccountFile {
  readonly path: string;
  #content = EMPTY;
  #problem = "";
  /** Of what was read last. */
  #stamp = "";

  constructor(path: string) {
    this.path = path;
  }

  /** Why nobody can log in although the file is there; "" otherwise. */
  get problem(): string {
    this.#refresh();
    return this.#problem;
  }

  /** Whether there is anybody. A file that cannot be read counts as somebody: nothing opens because a disk failed. */
  get isEmpty(): boolean {
    this.#refresh();
    return this.#problem === "" && this.#content.users.length === 0;
  }

  get users(): readonly User[] {
    this.#refresh();
    return this.#content.users;
  }

  get tokens(): readonly Token[] {
    this.#refresh();
    return this.#content.tokens;
  }

  user(wanted: string): User | undefined {
    return this.users.find((user) => user.name === wanted);
  }

  /** The entry of a token as it was shown. */
  token(secret: string): Token | undefined {
    const sha256 = hashOf(secret);
    return this.tokens.find((token) => token.sha256 === sha256);
  }

  /** @throws ExpectedError when there is one of this name, or name or password cannot be used */
  async addUser(user: string, userRole: Role, password: string): Promise<void> {
    expectName(user, "user");
    if (this.#writable().users.some((other) => other.name === user))
      throw new ExpectedError(
        EXIT.usage,
        `there is a user "${user}" already; nightjar user password changes the password`,
      );
    expectGoodPassword(password, user);
    const entry = { name: user, role: userRole, created: Date.now(), password: await hashPassword(password) };
    const content = this.#writable();
    this.#write({ ...content, users: [...content.users, entry] });
  }

  /** @throws ExpectedError when there is no such user, or the password cannot be used */
  async setPassword(user: string, password: string): Promise<void> {
    this.#expectUser(user);
    expectGoodPassword(password, user);
    const entry = await hashPassword(password);
    const content = this.#writable();
    this.#write({
      ...content,
      users: content.users.map((other) => (other.name === user ? { ...other, password: entry } : other)),
    });
  }

  /** @throws ExpectedError when there is no such user */
  removeUser(user: string): void {
    this.#expectUser(user);
    const content = this.#writable();
    this.#write({ ...content, users: content.users.filter((other) => other.name !== user) });
  }

  /** @returns the token: the only time that it is seen. @throws ExpectedError when there is one of this name */
  addToken(token: string, tokenRole: Role): string {
    expectName(token, "token");
    const content = this.#writable();
    if (content.tokens.some((other) => other.name === token))
      throw new ExpectedError(
        EXIT.usage,
        `there is a token "${token}" already; remove it first, or choose another name`,
      );
    const secret = `${TOKEN_MARK}${randomBytes(32).toString("base64url")}`;
    const entry = { name: token, role: tokenRole, created: Date.now(), sha256: hashOf(secret) };
    this.#write({ ...content, tokens: [...content.tokens, entry] });
    return secret;
  }

  /** @throws ExpectedError when there is no such token */
  removeToken(token: string): void {
    const content = this.#writable();
    if (!content.tokens.some((other) => other.name === token)) throw unknown("token", token, content.tokens);
    this.#write({ ...content, tokens: content.tokens.filter((other) => other.name !== token) });
  }

  #expectUser(user: string): void {
    const { users } = this.#writable();
    if (!users.some((other) => other.name === user)) throw unknown("user", user, users);
  }

  /** @throws ExpectedError: what cannot be read is not written over. */
  #writable(): Content {
    this.#refresh();
    if (this.#problem !== "") throw new ExpectedError(EXIT.environment, this.#problem);
    return this.#content;
  }

  #write(content: Content): void {
    writeFileAtomically(this.path, `${JSON.stringify(schema.parse(content), null, 2)}\n`);
    giveToService(this.path);
    this.#stamp = "";
  }

  #refresh(): void {
    const stamp = stampOf(this.path);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#problem = "";
    this.#content = EMPTY;
    try {
      this.#content = schema.parse(JSON.parse(readFileSync(this.path, "utf8")));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return;
      const why =
        codeOf(error) ??
        (error instanceof z.ZodError ? z.prettifyError(error).replaceAll("\n", " ") : messageOf(error));
      this.#problem = `${this.path} cannot be used (${why}): nobody can log in; mend it, or remove it and make the users again`;
    }
  }
}

/** Changes with the file, and is the same while it is the same. */
function stampOf(path: string): string {
  try {
    const { ino, mtimeMs, ctimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${ctimeMs} ${size}`;
  } catch (error) {
    return codeOf(error) ?? "unknown";
  }
}

/** Root writes for the service, which runs as the owner of the directory. */
function giveToService(path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  chownSync(path, uid, gid);
}

function expectName(given: string, what: string): void {
  if (!NAME.test(given))
    throw new ExpectedError(EXIT.usage, `the ${what} "${given}" cannot be: expected ${NAME_EXPECTED}`);
}

function unknown(what: string, given: string, known: readonly { readonly name: string }[]): ExpectedError {
  const names = known.map((other) => other.name).join(", ") || "none";
  return new ExpectedError(EXIT.usage, `there is no ${what} "${given}"; there are: ${names}`);
}

/** Tokens are random: a plain hash of one says nothing about it. */
function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
