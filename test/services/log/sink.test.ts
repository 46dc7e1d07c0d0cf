import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { LogSink } from "../../../services/log/sink.ts";

const folder = mkdtempSync(join(tmpdir(), "nightjar-sink-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("appends lines to a file at once", () => {
  const file = join(folder, "log");
  const sink = LogSink.toFile(file, () => {});
  sink.write("one\n");
  sink.write("two\n");
  expect(readFileSync(file, "utf8")).toBe("one\ntwo\n");
  expect(sink.lost).toBe(0);
});

it("a full disk loses lines, is told once, and stops nothing", () => {
  const troubles: string[] = [];
  const sink = LogSink.toFile("/dev/full", (code) => troubles.push(code));
  for (let i = 0; i < 5; i++) sink.write("a line\n");
  expect(troubles).toEqual(["ENOSPC"]);
  expect(sink.lost).toBe(5);
});

it("a reader who left is no reason to stop", () => {
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  const reader = openSync(fifo, "r+");
  const troubles: string[] = [];
  const writer = openSync(fifo, "w");
  const sink = new LogSink(writer, (code) => troubles.push(code));
  sink.write("heard\n");
  expect(sink.lost).toBe(0);
  closeSync(reader);
  sink.write("unheard\n");
  sink.write("unheard\n");
  expect(troubles).toEqual(["EPIPE"]);
  closeSync(writer);
});
