import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EvidenceStore } from "../../../services/supervisor/evidence.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nightjar-evidence-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(quotaBytes = 1e6, ttlMs = 1e9): EvidenceStore {
  const store = new EvidenceStore({ directory, quotaBytes, ttlMs });
  store.open();
  return store;
}

async function keep(store: EvidenceStore, camera: string, bytes = 100, at = Date.now()) {
  return store.save(store.reserve(camera, "jpg", at), Buffer.alloc(bytes));
}

it("keeps pictures under names that tell camera and time, and finds them again after a restart", async () => {
  const at = Date.now();
  const kept = await keep(open(), "cam-07_a", 100, at);
  expect(kept).toMatchObject({ camera: "cam-07_a", takenAt: at, kind: "picture", bytes: 100 });
  expect(open().list("cam-07_a", 5)).toEqual([kept]);
});

it("gives up the oldest when there are too many bytes", async () => {
  const store = open(250);
  const names = [];
  for (let i = 0; i < 4; i++) names.push((await keep(store, "gate", 100, Date.now() + i)).id);
  expect(store.list(undefined, 9).map(({ id }) => id)).toEqual([names[3], names[2]]);
  expect(readdirSync(directory)).toHaveLength(2);
  expect(store.read(names[0]!)).toBeUndefined();
});

it("gives up what is too old, also when nothing new comes, and whatever the device's clock says", async () => {
  const store = open(1e6, 1000);
  // Taken before the clock was set.
  await keep(store, "gate", 100, 5000);
  await store.tidy(performance.now() + 900);
  expect(store.list(undefined, 9)).toHaveLength(1);
  await store.tidy(performance.now() + 1100);
  expect(readdirSync(directory)).toEqual([]);
});

it("knows the age of what an earlier run has left by its name, where a clock that was set has written it", async () => {
  writeFileSync(join(directory, `${Date.now() - 5000}-gate-0badcafe.jpg`), "old");
  writeFileSync(join(directory, "5000-gate-0badcafe.jpg"), "of a clock that was not set");
  const store = open(1e6, 1000);
  await store.tidy();
  expect(store.list(undefined, 9)).toMatchObject([{ takenAt: 5000 }]);
  await store.tidy(performance.now() + 1100);
  expect(readdirSync(directory)).toEqual([]);
});

it("leaves neither a file nor a descriptor behind when it cannot be written", async () => {
  const store = open(50);
  const before = readdirSync("/proc/self/fd").length;
  for (let i = 0; i < 20; i++) await expect(keep(store, "gate", 100)).rejects.toThrow(/larger than evidence.quota/);
  expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 5);
  expect(readdirSync(directory)).toEqual([]);
});

it("makes way for the outbox when the disk runs full", async () => {
  const kept = open();
  await keep(kept, "gate");
  await keep(kept, "gate");
  const store = new EvidenceStore({ directory, quotaBytes: 1e6, ttlMs: 1e9, freeShare: 1 });
  store.open();
  await expect(keep(store, "gate")).rejects.toThrow(/less free space than outbox.freeSpace/);
  expect(readdirSync(directory)).toEqual([]);
});

it("keeps what there is of a recording that was cut off, and no half picture", () => {
  writeFileSync(join(directory, "1784535330123-gate-0badcafe.mjpeg.part"), "pictures");
  writeFileSync(join(directory, "1784535330124-gate-0badcafe.jpg.part"), "half");
  writeFileSync(join(directory, "notes.txt"), "not ours");
  const store = open();
  expect(store.list(undefined, 9)).toMatchObject([{ kind: "recording", bytes: 8 }]);
  expect(existsSync(join(directory, "notes.txt"))).toBe(true);
  expect(readdirSync(directory)).toHaveLength(2);
});
