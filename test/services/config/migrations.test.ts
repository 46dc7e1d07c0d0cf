import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseDocument } from "yaml";
import {
  currentVersion,
  MIGRATIONS,
  type Migration,
  migrateDocument,
  migrateFile,
} from "../../../services/config/migrations.ts";

/** What later versions might change; the real list is still empty. */
const LATER: readonly Migration[] = [
  {
    from: 1,
    summary: "inference.batch became inference.inFlight",
    apply(document) {
      document.setIn(["inference", "inFlight"], document.getIn(["inference", "batch"]));
      document.deleteIn(["inference", "batch"]);
    },
  },
  {
    from: 2,
    summary: "log.level text became log.level info",
    apply: (document) => document.setIn(["log", "level"], "info"),
  },
];

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-migrate-"));
  file = join(folder, "nightjar.yaml");
});
afterEach(() => rmSync(folder, { recursive: true }));

const OLD = "# my box\nversion: 1\ninference:\n  batch: 3 # tried out\ncameras: []\n";

it("takes a file through all steps to the present version, and comments stay", () => {
  writeFileSync(file, OLD);
  const { changes } = migrateFile(file, LATER);
  expect(changes).toEqual(["inference.batch became inference.inFlight", "log.level text became log.level info"]);
  const text = readFileSync(file, "utf8");
  expect(text).toContain("# my box");
  expect(parseDocument(text).toJS()).toEqual({
    version: 3,
    inference: { inFlight: 3 },
    cameras: [],
    log: { level: "info" },
  });
});

it("keeps the old file beside it, with its mode", () => {
  writeFileSync(file, OLD);
  chmodSync(file, 0o640);
  const { backup } = migrateFile(file, LATER);
  expect(backup).toBe(`${file}.version-1`);
  expect(readFileSync(backup as string, "utf8")).toBe(OLD);
  expect(statSync(file).mode & 0o777).toBe(0o640);
});

it("does not write over a backup that is there", () => {
  writeFileSync(file, OLD);
  writeFileSync(`${file}.version-1`, "the first one");
  migrateFile(file, LATER);
  expect(readFileSync(`${file}.version-1`, "utf8")).toBe("the first one");
});

it("leaves a file of the present version as it is, byte for byte", () => {
  writeFileSync(file, OLD);
  expect(migrateFile(file)).toEqual({ changes: [], backup: null });
  expect(readFileSync(file, "utf8")).toBe(OLD);
});

it("after a downgrade, names the backup that this version can read", () => {
  writeFileSync(file, "version: 2\n");
  expect(() => migrateFile(file)).toThrow(/is of version 2, this Nightjar knows up to 1; install the newer/);
  writeFileSync(`${file}.version-1`, OLD);
  expect(() => migrateFile(file)).toThrow(`use the backup ${file}.version-1`);
});

it.each([["cameras: []\n"], ["version: one\n"], ["- 1\n"]])("leaves %j to validation", (text) => {
  expect(migrateDocument(parseDocument(text), LATER)).toEqual([]);
});

it("has one step for each earlier version, in their order", () => {
  expect(MIGRATIONS.map(({ from }) => from)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  expect(currentVersion()).toBe(1 + MIGRATIONS.length);
});
