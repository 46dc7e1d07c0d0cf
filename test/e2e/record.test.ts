/** A camera of the demo, recorded while it runs, and replayed; a rule of one's own, swapped meanwhile. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RecordingReader } from "../../services/recording/reader.ts";
import type { CaptureView } from "../../services/supervisor/captures.ts";
import { demoCameras, Nightjar } from "../support/nightjar.ts";
import { waitUntil } from "../support/wait.ts";

let nightjar: Nightjar;

beforeAll(async () => {
  nightjar = await Nightjar.start({
    cameras: demoCameras.filter(({ id }) => id === "highway" || id === "avenue"),
    // Any analyze bundle can stand here: that of the tracker does not need the zones' parameters.
    rules: [{ name: "again", bundle: resolve("build/bundles/bytetrack") }],
  });
  await nightjar.untilStatus(
    "objects",
    (status) => status.cameras.every(({ objectsTotal }) => objectsTotal > 20),
    90_000,
  );
}, 120_000);

afterAll(async () => {
  await nightjar?.stop();
});

function command(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn("bin/nightjar", args, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => (stdout += data));
  child.stderr.on("data", (data) => (stderr += data));
  return new Promise((done) => child.on("exit", (code) => done({ code, stdout, stderr })));
}

const socket = () => ["-s", join(nightjar.folder, "run", "control.sock")];
const file = () => join(nightjar.folder, "highway.njrec");

describe("a running camera", () => {
  it("is recorded: tensors, objects, events and pictures of this camera alone", async () => {
    const { code, stderr, stdout } = await command(
      "record",
      "highway",
      ...socket(),
      "-o",
      file(),
      "--seconds",
      "5",
      "--json",
    );
    expect([stderr, code]).toEqual(["", 0]);
    const view = JSON.parse(stdout) as CaptureView;
    expect(view).toMatchObject({ camera: "highway", state: "ended", reason: "time" });
    const reader = new RecordingReader(file());
    expect(reader.cutOff).toBe(false);
    expect(reader.streams.map(({ info }) => info.element).sort()).toEqual(["again", "infer", "tracker"]);
    for (const { info, frames } of reader.streams) {
      expect(frames).toBeGreaterThan(5);
      const all = [...reader.frames(info.stream)];
      expect(new Set(all.map(({ record }) => Buffer.from(record).readUInt32LE(0)))).toEqual(new Set([info.sourceId]));
      expect(all.every(({ outputs }) => outputs.length === info.tensors.length)).toBe(true);
    }
    const [first] = reader.frames(reader.streams.find(({ info }) => info.element === "infer")!.info.stream);
    expect(first!.thumbnail).toHaveLength(240 * 135 * 3);
    expect(new Set(first!.thumbnail).size).toBeGreaterThan(20);
    reader.close();
    expect(await nightjar.ask("GET", "/api/captures")).toEqual([]);
  }, 60_000);

  it("is replayed to the same bits by what decoded it, and differs from what does otherwise", async () => {
    const same = await command("replay", file(), "--bundle", "build/bundles/street", "--json", "--agreement", "1");
    expect([same.stderr, same.code]).toEqual(["", 0]);
    const { report } = JSON.parse(same.stdout);
    expect(report.identical).toBe(report.frames);
    const page = join(nightjar.folder, "diff.html");
    const strict = ["--module", "build/modules/yolo.wasm", "--parameters", '{"confidence-threshold": 0.7}'];
    const other = await command("replay", file(), ...strict, "--html", page, "--agreement", "0.999");
    expect(other.code).toBe(3);
    expect(other.stdout).toMatch(/yolo .* against recording: \d+ frames of highway/);
    const html = readFileSync(page, "utf8");
    expect(html).toMatch(/<image [^>]*href="data:image\/png;base64,/);
    expect(html).toMatch(/<g class="a"><rect /);
    expect(html).not.toMatch(/https?:|<script/);
  }, 60_000);

  it("is recorded over a swap: what serves next is a stream of its own", async () => {
    const begun = await nightjar.ask<CaptureView>("POST", "/api/cameras/avenue/captures", { seconds: 60 });
    const bundle = resolve("build/bundles/bytetrack");
    await waitUntil("it records", async () => (await look(begun)).frames > 10 || undefined, 30_000);
    const swapped = await command("bundle", "activate", bundle, ...socket(), "--element", "again");
    expect(swapped.code).toBe(0);
    const before = (await look(begun)).frames;
    await waitUntil("it goes on", async () => (await look(begun)).frames > before + 20 || undefined, 30_000);
    const ended = await nightjar.ask<CaptureView>("POST", `/api/captures/${begun.id}/end`);
    expect(ended).toMatchObject({ state: "ended", reason: "stopped" });
    const reader = new RecordingReader(join(nightjar.folder, "state", "captures", `${begun.id}.njrec`));
    expect(reader.streams.filter(({ info }) => info.element === "again").map(({ frames }) => frames > 0)).toEqual([
      true,
      true,
    ]);
    reader.close();
    await nightjar.ask("DELETE", `/api/captures/${begun.id}`);
    expect((await nightjar.status()).cameras.every(({ state }) => state === "playing")).toBe(true);
  }, 120_000);

  it("that is none is refused", async () => {
    const { code, stderr } = await command("record", "garden", ...socket(), "-o", file());
    expect([code, stderr]).toEqual([2, 'there is no camera "garden"\n']);
  });
});

const look = ({ id }: CaptureView) => nightjar.ask<CaptureView>("GET", `/api/captures/${id}`);
