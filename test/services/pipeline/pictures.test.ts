/** Pictures are made only while somebody looks, slowly and small. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { KIND, type PayloadRecord, RecordReader } from "../../../services/publisher/record.ts";
import { camera, PipelineProcess, pipelineSettings, testPattern } from "../../support/pipeline-process.ts";
import { waitUntil } from "../../support/wait.ts";

let pipeline: PipelineProcess | null = null;

afterEach(async () => {
  await pipeline?.stop();
  pipeline = null;
});

function collect(running: PipelineProcess, fd: number): PayloadRecord[] {
  const records: PayloadRecord[] = [];
  const reader = new RecordReader();
  running.pipe(fd).on("data", (data: Buffer) => records.push(...reader.push(data)));
  return records;
}

/** Width and height from the frame header of a JPEG. */
function sizeOf(jpeg: Buffer): [number, number] {
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  return [jpeg.readUInt16BE(frame + 7), jpeg.readUInt16BE(frame + 5)];
}

it("only watched cameras are drawn and encoded, at the limited rate and size", async () => {
  const cameras = [
    camera("near", 3, testPattern({ framerate: 30 })),
    camera("far", 7, testPattern({ width: 40, height: 30 })),
  ];
  const running = new PipelineProcess();
  pipeline = running;
  const payloads = collect(running, 4);
  const pictures = collect(running, 5);
  await running.request({ type: "start", settings: pipelineSettings(cameras, { payloadFd: 4, pictureFd: 5 }) });
  await running.frames("near", 10);
  expect(pictures).toEqual([]);

  await running.request({ type: "watch", camera: "near", on: true });
  await waitUntil("pictures", () => pictures.length > 3);
  const before = pictures.length;
  await sleep(1000);
  expect(pictures.length - before).toBeLessThanOrEqual(12);
  expect(pictures.length - before).toBeGreaterThan(3);
  expect(new Set(pictures.map((record) => record.sourceId))).toEqual(new Set([3]));
  expect(pictures.every((record) => record.kind === KIND.media)).toBe(true);
  expect(sizeOf(pictures[0]!.payload)).toEqual([80, 60]);

  await running.request({ type: "watch", camera: "far", on: true });
  await waitUntil("the other camera", () => pictures.some((record) => record.sourceId === 7));
  expect(sizeOf(pictures.find((record) => record.sourceId === 7)!.payload)).toEqual([40, 30]);

  await running.request({ type: "watch", camera: "near", on: false });
  await running.request({ type: "watch", camera: "far", on: false });
  await sleep(200);
  const closed = pictures.length;
  await sleep(400);
  expect(pictures.length).toBe(closed);

  const document = JSON.parse(payloads[0]!.payload.toString()) as { sensorId: string };
  expect(["near", "far"]).toContain(document.sensorId);
});
