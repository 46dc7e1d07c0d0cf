import { describe, expect, it } from "vitest";
import { cuda } from "../../../services/pipeline/cuda-profile.ts";
import type { InferSettings, PipelineSettings, SourceSettings } from "../../../services/pipeline/messages.ts";
import { portable } from "../../../services/pipeline/portable-profile.ts";
import { profileOf } from "../../../services/pipeline/profiles.ts";

const file = { kind: "file", uri: "/clip.mp4", loop: false, realtime: false } as SourceSettings;
const context = { retry: 0, provenTransport: null };

describe("the profile cuda", () => {
  it("is found by its name", () => {
    expect(profileOf({ profile: "cuda" } as PipelineSettings)).toBe(cuda);
  });

  it("leaves frames in GPU memory, and brings others there", () => {
    expect(cuda.plan(file, context)).toEqual({ ...portable.plan(file, context), adapt: "cudaupload name=convert" });
  });

  it("lets njinfer offer its CUDA context before decoders start", () => {
    const infer = cuda.infer({ bundle: "/bundle" } as InferSettings, { size: 4, timeoutUs: 0, width: 0, height: 0 });
    expect(infer.properties).toMatchObject({ "gpu-id": 0, "batch-size": 4, bundle: "/bundle" });
  });

  it("draws pictures in GPU memory, and scales and compresses them in system memory", () => {
    const picture = cuda.picture({ width: 640, quality: 80 } as Parameters<typeof cuda.picture>[0]);
    expect(picture.indexOf("njosd")).toBeGreaterThan(0);
    expect(picture.indexOf("njosd")).toBeLessThan(picture.indexOf("cudadownload"));
    expect(picture.indexOf("cudadownload")).toBeLessThan(picture.indexOf("videoconvertscale"));
  });
});
