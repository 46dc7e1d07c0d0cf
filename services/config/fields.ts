/**
 * The kinds of value that a configuration key can hold. The message of every check is the phrase that follows "expected":
 * services/config/problems.ts puts place, key and found value in front of it.
 */
import { z } from "zod";
import {
  type Bytes,
  DURATION_PATTERN,
  type Fraction,
  type Milliseconds,
  PERCENT_PATTERN,
  parseDuration,
  parsePercent,
  parseSize,
  SIZE_PATTERN,
} from "./units.ts";

/** What a key touches: one camera, which can also be removed and added at run time, or all of Nightjar. A change in the file needs a restart. */
export type RestartScope = "camera" | "nightjar";

/** What every key says about itself besides type and default; it ends up in the JSON Schema, the example file and the docs page. */
export interface KeyMeta {
  description: string;
  unit?: string;
  restart?: RestartScope;
  /** What is used when the key is absent and the default is not a constant. */
  defaultNote?: string;
  /** A value for the example file where the key has no default. */
  example?: unknown;
}

declare module "zod" {
  interface GlobalMeta extends Partial<KeyMeta> {}
}

interface DurationRange {
  min?: string;
  max?: string;
}

/** A duration with its unit ("200ms", "20s"); milliseconds in the program. */
export function duration(range: DurationRange = {}) {
  const expected = `a duration${within(range)}, with its unit, such as ${range.min ?? "200ms"} or ${range.max ?? "20s"}`;
  const min = range.min === undefined ? 0 : (parseDuration(range.min) ?? 0);
  const max = range.max === undefined ? Number.POSITIVE_INFINITY : (parseDuration(range.max) ?? 0);
  return z
    .string({ error: (issue) => withUnitHint(expected, issue.input, ["ms", "s"]) })
    .regex(DURATION_PATTERN, { error: (issue) => withUnitHint(expected, issue.input, ["ms", "s"]), abort: true })
    .transform((text, context): Milliseconds => {
      const value = parseDuration(text);
      if (value !== undefined && value >= min && value <= max) return value;
      context.issues.push({ code: "custom", input: text, message: expected });
      return z.NEVER;
    });
}

/** A size with its unit ("64MiB", "500kB"); bytes in the program. */
export function size() {
  const expected = "a size with its unit (B, kB, MB, GB, KiB, MiB, GiB), such as 64MiB";
  return z
    .string({ error: (issue) => withUnitHint(expected, issue.input, ["MiB", "B"]) })
    .regex(SIZE_PATTERN, { error: (issue) => withUnitHint(expected, issue.input, ["MiB", "B"]), abort: true })
    .transform((text): Bytes => parseSize(text) ?? 0);
}

/** A percentage ("75%"); a fraction of 0 to 1 in the program. */
export function percent() {
  const expected = "a percentage from 0% to 100%, such as 75%";
  return z
    .string({ error: (issue) => withUnitHint(expected, issue.input, ["%"]) })
    .regex(PERCENT_PATTERN, { error: (issue) => withUnitHint(expected, issue.input, ["%"]), abort: true })
    .transform((text, context): Fraction => {
      const value = parsePercent(text);
      if (value !== undefined) return value;
      context.issues.push({ code: "custom", input: text, message: expected });
      return z.NEVER;
    });
}

/** A number without unit, both ends included. */
export function numberIn(min: number, max: number) {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
}

/** A whole number, both ends included. */
export function integerIn(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** Text that is not empty. */
export function text() {
  const error = "a text that is not empty";
  return z
    .string({ error: (issue) => (typeof issue.input === "number" ? `${error} (put it in quotes)` : error) })
    .min(1, { error });
}

/** A name that may stand in topics, file names and URLs. */
export function identifier() {
  const error = "an identifier of letters, digits, '-' and '_' (at most 63, a letter or digit first)";
  return z.string({ error }).regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, { error });
}

/** A file or directory; relative ones are relative to the configuration file, "~/" is the home directory. */
export function path() {
  const error = "the path of a file or directory";
  return z.string({ error }).min(1, { error });
}

/** HOST:PORT; an IPv6 host in brackets. */
export function address() {
  const error = "an address HOST:PORT, such as 127.0.0.1:8080 or [::]:8080";
  return z
    .string({ error })
    .regex(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, { error, abort: true })
    .refine((value) => Number(value.slice(value.lastIndexOf(":") + 1)) <= 65_535, { error: "a port from 0 to 65535" });
}

const SECRET_EXPECTED =
  "where the secret is kept, {file: PATH}, {env: NAME} or {credential: NAME}; a secret is never written in the configuration";

/** The name of a systemd credential (LoadCredential=NAME:…): a file name. */
function credential() {
  const error = "the name of a systemd credential (letters, digits, '.', '-', '_')";
  return z.string({ error }).regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, { error });
}

/** A secret by reference. Resolve it with services/config/secrets.ts as late as possible, and never print it. */
export function secret() {
  return z
    .strictObject(
      { file: path().optional(), env: text().optional(), credential: credential().optional() },
      { error: SECRET_EXPECTED },
    )
    .refine((value) => Object.values(value).filter((part) => part !== undefined).length === 1, {
      error: SECRET_EXPECTED,
    });
}

function within(range: DurationRange): string {
  if (range.min !== undefined && range.max !== undefined) return ` from ${range.min} to ${range.max}`;
  if (range.min !== undefined) return ` of at least ${range.min}`;
  return range.max === undefined ? "" : ` of at most ${range.max}`;
}

/** Number without unit: say how it would be written, for that is the commonest slip. */
function withUnitHint(expected: string, input: unknown, units: readonly string[]): string {
  const bare = typeof input === "number" || (typeof input === "string" && /^\d+(\.\d+)?$/.test(input));
  return bare ? `${expected} (did you mean ${units.map((unit) => `${input}${unit}`).join(" or ")}?)` : expected;
}
