/**
 * Configurations of earlier versions of the format. A file of an earlier version is read as it is (its migrations are applied in
 * memory, so that a downgrade finds it unchanged); `nightjar migrate` writes it in the present version and keeps the old file.
 */
import { copyFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { type Document, isMap, parseDocument } from "yaml";
import { EXIT, ExpectedError } from "../log/errors.ts";
import { writeFileAtomically } from "../supervisor/atomic-file.ts";

/** The step from one version of the format to the next. It works on the document, so that comments stay. */
export interface Migration {
  readonly from: number;
  /** One line for people: what changes. */
  readonly summary: string;
  apply(document: Document): void;
}

/** In their order, one for each version before the present one. There is only one version so far. */
export const MIGRATIONS: readonly Migration[] = [];

/** The version that this Nightjar writes. */
export function currentVersion(migrations: readonly Migration[] = MIGRATIONS): number {
  return 1 + migrations.length;
}

/**
 * Brings a document to the present version. One without a version, or with one that is no number, is left to validation.
 * @returns what was changed, one line each
 */
export function migrateDocument(document: Document, migrations: readonly Migration[] = MIGRATIONS): string[] {
  const version = isMap(document.contents) ? document.get("version") : undefined;
  if (typeof version !== "number") return [];
  const steps = migrations.filter(({ from }) => from >= version);
  for (const step of steps) {
    step.apply(document);
    document.set("version", step.from + 1);
  }
  return steps.map(({ summary }) => summary);
}

/** What `migrateFile` did. */
export interface Migrated {
  readonly changes: readonly string[];
  /** The old file; null when there was nothing to do. */
  readonly backup: string | null;
}

/**
 * Writes a configuration in the present version. The old one is kept beside it as FILE.version-N; one that is there already stays.
 * @throws ExpectedError when it cannot be read or written, is not YAML, or is of a version that is not known yet
 */
export function migrateFile(file: string, migrations: readonly Migration[] = MIGRATIONS): Migrated {
  const document = parseDocument(readText(file));
  const [error] = document.errors;
  if (error !== undefined)
    throw new ExpectedError(EXIT.configuration, `${file} is not valid YAML: ${error.message.split("\n")[0]}`);
  const version = isMap(document.contents) ? document.get("version") : undefined;
  const newest = currentVersion(migrations);
  if (typeof version === "number" && version > newest)
    throw new ExpectedError(EXIT.configuration, newerThanKnown(file, version, newest));
  const changes = migrateDocument(document, migrations);
  if (changes.length === 0) return { changes, backup: null };
  const backup = `${file}.version-${version}`;
  if (!existsSync(backup)) copyFileSync(file, backup);
  writeFileAtomically(file, document.toString({ lineWidth: 0 }), statSync(file).mode & 0o777);
  return { changes, backup };
}

function newerThanKnown(file: string, version: number, newest: number): string {
  const backup = `${file}.version-${newest}`;
  const remedy = existsSync(backup) ? `use the backup ${backup}` : "install the newer Nightjar again";
  return `${file} is of version ${version}, this Nightjar knows up to ${newest}; ${remedy}`;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `${file} cannot be read; expected a configuration`, { cause: error });
  }
}
