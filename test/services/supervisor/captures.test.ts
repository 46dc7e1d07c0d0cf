/** Recordings as the control interface knows them; the postprocess process is played here. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { RecordAction, ToPostprocess } from "../../../services/postprocess/messages.ts";
import type { RecordingView } from "../../../services/recording/recorder.ts";
import { Captures, captureInput } from "../../../services/supervisor/captures.ts";

const root = mkdtempSync(join(tmpdir(), "nightjar-captures-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** Answers as the process would, unless it is gone. */
function make({ isThere = true, freeShare = 0 } = {}) {
  const actions: RecordAction[] = [];
  const views = new Map<string, RecordingView>();
  const stateDirectory = join(root, String(count++));
  const captures: Captures = new Captures({
    stateDirectory,
    freeShare,
    sourceId: (camera) => (camera === "gate" ? 4 : undefined),
    send: (message: ToPostprocess) => {
      if (message.type !== "record" || !isThere) return false;
      actions.push(message.action);
      setImmediate(() => captures.answer(message.request, answer(message.action)));
      return true;
    },
  });
  const answer = (action: RecordAction): RecordingView | null => {
    if (action.do === "begin") {
      writeFileSync(action.file, "0123456789");
      const { id, camera } = action;
      views.set(id, { id, camera, state: "running", reason: "", ms: 0, bytes: 10, frames: 1, dropped: 0 });
    }
    const view = views.get(action.id);
    if (view && action.do === "end") Object.assign(view, { state: "ended", reason: "stopped" });
    return view ? { ...view } : null;
  };
  return { captures, actions, stateDirectory };
}

const input = (more: object = {}) => captureInput.parse({ id: "gate", ...more });

it("begin with the camera's number and a file that the caller has not chosen, and end with a complete one", async () => {
  const { captures, actions, stateDirectory } = make();
  const { id, path } = await captures.begin(input({ seconds: 5 }));
  expect(actions[0]).toMatchObject({
    do: "begin",
    sourceId: 4,
    maxMs: 5000,
    file: join(stateDirectory, "captures", `${id}.njrec`),
  });
  expect(path).toBe(`/api/captures/${id}/file`);
  expect(await captures.end(id)).toMatchObject({ state: "ended", bytes: 10 });
  expect(captures.read(id)?.bytes).toBe(10);
  expect(await captures.remove(id)).toEqual({ removed: id });
  expect(await captures.list()).toEqual([]);
});

it("are refused for a camera that is none, for a third one, and without the process", async () => {
  const { captures } = make();
  await expect(captures.begin(input({ id: "garden" }))).rejects.toThrow('there is no camera "garden"');
  const first = await captures.begin(input());
  await new Promise((resolve) => setTimeout(resolve, 2));
  await captures.begin(input());
  await expect(captures.begin(input())).rejects.toThrow("2 recordings are being made already");
  await captures.end(first.id);
  await expect(make({ isThere: false }).captures.begin(input())).rejects.toThrow(
    "the postprocess process is not running",
  );
});

it("are failed when the process goes, and those of an earlier run are there again", async () => {
  const { captures, stateDirectory } = make();
  const { id } = await captures.begin(input());
  captures.processEnded();
  expect(await captures.view(id)).toMatchObject({ state: "failed", reason: "the process ended" });
  const later = new Captures({ stateDirectory, freeShare: 0, sourceId: () => 1, send: () => false });
  expect(await later.list()).toMatchObject([{ id, camera: "gate", bytes: 10, reason: "of an earlier run" }]);
  await later.remove(id);
  expect(later.read(id)).toBeUndefined();
});

it("are refused when they would take the space that has to stay free, and older ones have made way", async () => {
  const { captures, stateDirectory, actions } = make({ freeShare: 1 });
  mkdirSync(join(stateDirectory, "captures"), { recursive: true });
  writeFileSync(join(stateDirectory, "captures", "20260101-gate.njrec"), "old");
  await expect(captures.begin(input())).rejects.toThrow(/space for a recording of 0 MiB only, for outbox.freeSpace/);
  expect(actions).toEqual([]);
  expect(await captures.list()).toEqual([]);
});

it("never leave their folder, whatever they are called", async () => {
  const { captures, stateDirectory } = make();
  mkdirSync(join(stateDirectory, "captures"), { recursive: true });
  writeFileSync(join(stateDirectory, "secret.njrec"), "x");
  expect(captures.read("../secret")).toBeUndefined();
  await expect(captures.remove("../secret")).rejects.toThrow("there is no recording");
});
