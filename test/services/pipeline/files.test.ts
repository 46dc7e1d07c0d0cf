/** Files and image sequences, good and bad, next to each other in one pipeline. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CameraSettings, FileSource, ImagesSource } from "../../../services/pipeline/messages.ts";
import { damage, makeClip, makeImages, makeSizeChange, makeSound, mediaFolder, truncate } from "../../support/media.ts";
import { camera, PipelineProcess, pipelineSettings, testPattern } from "../../support/pipeline-process.ts";

const folder = mediaFolder();
const at = (name: string): string => join(folder, name);
let clip = "";
let pipeline: PipelineProcess | null = null;

beforeAll(() => {
  clip = makeClip(at("clip.mp4"), { frames: 20 });
});
afterEach(async () => {
  await pipeline?.stop();
  pipeline = null;
});

async function run(...cameras: CameraSettings[]): Promise<PipelineProcess> {
  pipeline = await PipelineProcess.start(pipelineSettings(cameras));
  return pipeline;
}

const file = (uri: string, changes: Partial<FileSource> = {}): FileSource => ({
  kind: "file",
  uri,
  loop: false,
  realtime: true,
  ...changes,
});
const images = (location: string, changes: Partial<ImagesSource> = {}): ImagesSource => ({
  kind: "images",
  location,
  framerate: 20,
  firstIndex: 0,
  loop: false,
  realtime: true,
  ...changes,
});

describe("a file", () => {
  it("is played once at its own pace, every frame of it, and has then ended", async () => {
    const running = await run(camera("clip", 0, file(clip)));
    const begun = Date.now();
    await running.state("clip", "ended");
    expect(Date.now() - begun).toBeGreaterThan(600);
    const { decoded, inferred, dropped, retryAt } = await running.cameraIs(
      "clip",
      "drained",
      (status) => status.inferred === 20,
    );
    expect({ decoded, inferred, dropped, retryAt }).toEqual({ decoded: 20, inferred: 20, dropped: 0, retryAt: null });
  });

  it("that was cut off plays what there is, and says that it is not whole", async () => {
    const [cut, whole] = [at("cut.mp4"), "demo/clips/avenue.mp4"];
    writeFileSync(cut, readFileSync(whole).subarray(0, 200_000));
    const running = await run(
      camera("cut", 0, file(cut, { realtime: false })),
      camera("whole", 1, file(resolve(whole), { realtime: false })),
    );
    const { problem, decoded } = await running.state("cut", "ended");
    expect(decoded).toBeGreaterThan(5);
    expect(problem).toMatchObject({ kind: "corrupt" });
    expect(problem?.message).toMatch(/the file ends after \d\.\d s of 24\.0 s; expected a whole recording/);
    expect((await running.state("whole", "ended")).problem).toBeNull();
  });

  it("is played as fast as it goes when it need not keep its pace", async () => {
    const running = await run(camera("clip", 0, file(clip, { realtime: false })));
    const { inferred } = await running.cameraIs(
      "clip",
      "all frames",
      (status) => status.state === "ended" && status.inferred === 20,
      2000,
    );
    expect(inferred).toBe(20);
  });

  it("goes round for ever without a gap and without a new try", async () => {
    const running = await run(camera("clip", 0, file(clip, { loop: true })));
    await running.cameraIs("clip", "three rounds", (status) => status.decoded > 60, 8000);
    expect(running.camera("clip")).toMatchObject({ state: "playing", tries: 1 });
    const [first, last] = [running.statuses[1]!, running.statuses.at(-1)!];
    const framesPerSecond = ((last.totals.decoded - first.totals.decoded) * 1000) / (last.at - first.at);
    expect(framesPerSecond).toBeGreaterThan(18);
  });

  it("that changes its picture size in the middle goes on", async () => {
    const path = makeSizeChange(at("sizes.h264"), {}, { width: 320, height: 240 });
    const running = await run(camera("clip", 0, file(path, { loop: true })));
    await running.cameraIs("clip", "the second size", ({ video }) => video?.width === 320);
    await running.cameraIs("clip", "the first size again", ({ video }) => video?.width === 160);
    expect(running.camera("clip")).toMatchObject({ state: "playing", tries: 1, problem: null });
    expect(running.logs.map((log) => log.message)).toContain('camera "clip" changed its video to 320x240 I420');
  });

  it("that appears later is found", async () => {
    const running = await run(camera("clip", 0, file(at("later.mp4"), { loop: true })));
    const { problem } = await running.state("clip", "failed");
    expect(problem!.message).toBe(
      `camera "clip" (${at("later.mp4")}): there is no such file; expected a video file. Check the path and that the disk is mounted.`,
    );
    makeClip(at("later.mp4"));
    await running.state("clip", "playing");
  });
});

describe("bad files", () => {
  it("each say what is wrong with them, are not tried again, and leave good cameras alone", async () => {
    writeFileSync(at("text.mp4"), "this is not a film\n".repeat(200));
    writeFileSync(at("empty.mp4"), "");
    makeSound(at("sound.ogg"));
    truncate(clip, at("truncated.mp4"));
    const running = await run(
      camera("good", 0, testPattern()),
      camera("looped", 1, file(clip, { loop: true })),
      ...["text.mp4", "empty.mp4", "sound.ogg", "truncated.mp4"].map((name, index) =>
        camera(name, 2 + index, file(at(name))),
      ),
    );
    const kinds: Record<string, string> = {};
    for (const name of ["text.mp4", "empty.mp4", "sound.ogg", "truncated.mp4"]) {
      const { problem, retryAt } = await running.state(name, "failed");
      kinds[name] = problem!.kind;
      expect(problem!.message).toContain(`camera "${name}" (${at(name)})`);
      expect(retryAt).toBeNull();
    }
    expect(kinds).toEqual({
      "text.mp4": "unsupported",
      "empty.mp4": "unsupported",
      "sound.ogg": "unsupported",
      "truncated.mp4": "corrupt",
    });
    await running.frames("good", 10);
    await running.frames("looped", 10);
    expect(running.states.get("good")).toEqual(["playing"]);
    expect(running.states.get("looped")).toEqual(["playing"]);
  });

  it("with damaged frames inside play on, and never take another camera with them", async () => {
    damage(clip, at("damaged.mp4"), 0.3, 0.6);
    const running = await run(
      camera("good", 0, testPattern()),
      camera("damaged", 1, file(at("damaged.mp4"), { loop: true })),
    );
    await running.cameraIs("damaged", "a second round", (status) => status.decoded > 25 || status.state === "failed");
    await running.frames("good", 10);
    expect(running.states.get("good")).toEqual(["playing"]);
  });
});

describe("numbered images", () => {
  it("are a camera of their own framerate", async () => {
    const sub = at("numbered");
    mkdirSync(sub);
    const running = await run(camera("frames", 0, images(makeImages(sub, { frames: 10 }))));
    await running.cameraIs("frames", "all frames", (status) => status.state === "ended" && status.inferred === 10);
  });

  it("are refused with a reason when the first is not there, and when the path is no pattern", async () => {
    const running = await run(
      camera("absent", 0, images(at("none-%d.jpg"))),
      camera("fixed", 1, images(at("frame.jpg"))),
    );
    expect((await running.state("absent", "failed")).problem).toMatchObject({ kind: "missing" });
    const fixed = await running.state("fixed", "failed");
    expect(fixed.problem!.message).toContain(
      'camera "fixed": "' + at("frame.jpg") + '" must hold exactly one number such as %05d',
    );
    expect(fixed.retryAt).toBeNull();
  });
});

it("a V4L2 device that is missing, or is none, is named", async () => {
  const v4l2 = (device: string) => ({
    kind: "v4l2" as const,
    device,
    width: 640,
    height: 480,
    framerate: 30,
    format: "auto" as const,
  });
  const running = await run(camera("missing", 0, v4l2("/dev/video77")), camera("null", 1, v4l2("/dev/null")));
  expect((await running.state("missing", "failed")).problem).toMatchObject({ kind: "missing" });
  expect((await running.state("null", "failed")).problem!.message).toContain("expected a V4L2 capture device");
});
