/** Passwords as scrypt hashes (RFC 7914). Each entry says how it was made, so that later ones can be made harder. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { EXIT, ExpectedError } from "../../log/errors.ts";

const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);

export const passwordEntry = z.strictObject({
  /** Cost: a power of two. Memory is 128 × N × r bytes. */
  N: z
    .int()
    .min(2 ** 10)
    .max(2 ** 17),
  r: z.int().min(1).max(32),
  p: z.int().min(1).max(16),
  salt: base64,
  hash: base64,
});
export type PasswordEntry = z.output<typeof passwordEntry>;

/** 32 MiB, and some tenths of a second of one core; one of the settings that OWASP's Password Storage Cheat Sheet names. */
const COST = { N: 2 ** 15, r: 8, p: 3 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Characters: NIST SP 800-63B asks for 8 at least, and for no rules about what they are. */
export const MIN_PASSWORD = 10;
/** A longer one only costs time. */
export const MAX_PASSWORD = 256;

/** @throws ExpectedError when it is too short, too long, or the name of its user */
export function expectGoodPassword(password: string, user: string): void {
  const length = [...password].length;
  const problem =
    length < MIN_PASSWORD || length > MAX_PASSWORD
      ? `it has ${length} characters, expected ${MIN_PASSWORD} to ${MAX_PASSWORD}`
      : password.toLowerCase().includes(user.toLowerCase())
        ? "the user's name is in it"
        : new Set(password).size < 5
          ? "it has fewer than 5 different characters"
          : undefined;
  if (problem !== undefined) throw new ExpectedError(EXIT.usage, `the password cannot be used: ${problem}`);
}

/** @param cost less of it only where nothing is to be protected */
export async function hashPassword(
  password: string,
  cost: Readonly<Pick<PasswordEntry, "N" | "r" | "p">> = COST,
): Promise<PasswordEntry> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, cost);
  return { ...cost, salt: salt.toString("base64"), hash: hash.toString("base64") };
}

/**
 * Whether it is the password. Without an entry (no such user) the same work is done and the answer is no, so that the time
 * does not tell which users there are.
 */
export async function isPassword(password: string, entry: PasswordEntry | undefined): Promise<boolean> {
  const { salt, hash, N, r, p } = entry ?? NOBODY;
  const expected = Buffer.from(hash, "base64");
  const found = await derive(password, Buffer.from(salt, "base64"), { N, r, p }, expected.length);
  return timingSafeEqual(found, expected) && entry !== undefined;
}

/** Made with the present cost: nobody's password. */
const NOBODY: PasswordEntry = {
  ...COST,
  salt: Buffer.alloc(SALT_BYTES).toString("base64"),
  hash: Buffer.alloc(HASH_BYTES).toString("base64"),
};

/** In a thread of the pool: other requests go on meanwhile. */
function derive(password: string, salt: Buffer, cost: ScryptOptions, bytes = HASH_BYTES): Promise<Buffer> {
  const { N = 1, r = 1 } = cost;
  return new Promise((resolve, reject) => {
    // The same characters typed on another keyboard may be other code points (RFC 8265).
    scrypt(password.normalize("NFC"), salt, bytes, { ...cost, maxmem: 256 * N * r }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
