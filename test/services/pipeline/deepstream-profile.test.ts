/** The graph of the profile deepstream as data: NVIDIA's elements are not needed to say which stand where, and how set. */
import { describe, expect, it } from "vitest";
import { deepStreamEnvironment } from "../../../services/pipeline/deepstream-environment.ts";
import { factoriesOf, planGraph } from "../../../services/pipeline/graph-plan.ts";
import type {
  DeepStreamSettings,
  PipelineSettings,
  RtspSource,
  SourceSettings,
} from "../../../services/pipeline/messages.ts";
import { profileOf } from "../../../services/pipeline/profiles.ts";

const tracker = { library: "/ds/libtracker.so", config: "/ds/iou.yml", width: 640, height: 384 };

const infer = { bundle: "/b", uniqueId: 1, hostSocket: "/s", interval: 0, deadlineMs: 1000, slots: 2 };

function settings(
  deepstream: Partial<DeepStreamSettings> = {},
  more: Partial<PipelineSettings> = {},
): PipelineSettings {
  return {
    profile: "deepstream",
    deepstream: { muxer: "legacy", gpu: 1, tracker, ...deepstream },
    cameras: [],
    batch: { size: 4, timeoutUs: 33_000, width: 1920, height: 1080 },
    infer,
    analytics: [],
    messages: {
      payload: "minimal",
      extensions: false,
      events: true,
      frameInterval: 1,
      componentId: 1,
      configFile: "/run/site.txt",
    },
    pictures: { width: 960, maxFps: 10, quality: 75 },
    payloadFd: 4,
    pictureFd: 5,
    ...more,
  };
}

const planOf = (of: PipelineSettings) => planGraph(profileOf(of)!, of);

const factories = (of: PipelineSettings) => planOf(of).chain.map(({ spec }) => spec.factory);

const propertiesOf = (of: PipelineSettings, factory: string) =>
  planOf(of).chain.find(({ spec }) => spec.factory === factory)!.spec.properties;

describe("the chain", () => {
  it("puts nvtracker behind njinfer, then messages, then the split", () => {
    expect(factories(settings())).toEqual(["nvstreammux", "njinfer", "nvtracker", "nvmsgconv", "njmsgconv", "tee"]);
  });

  it("tracks with a module when it is told to", () => {
    const analytics = [{ name: "tracker", bundle: "/t", uniqueId: 2, hostSocket: "/s", deadlineMs: 1000 }];
    expect(factories(settings({ tracker: null }, { analytics }))).toEqual([
      "nvstreammux",
      "njinfer",
      "njanalytics",
      "nvmsgconv",
      "njmsgconv",
      "tee",
    ]);
  });

  it("lets njmsgconv write everything when nvmsgconv could not", () => {
    const messages = { ...settings().messages, extensions: true };
    const extended = settings({}, { messages });
    expect(factories(extended)).not.toContain("nvmsgconv");
    expect(propertiesOf(extended, "njmsgconv")).toMatchObject({ "msg2p-newapi": true, extensions: true, events: true });
  });

  it("leaves njmsgconv out when no events are wanted", () => {
    const messages = { ...settings().messages, events: false };
    expect(factories(settings({}, { messages }))).not.toContain("njmsgconv");
  });

  it("hands payloads over, and draws behind the demuxer", () => {
    const { payloads, unbatch } = planOf(settings());
    expect(payloads!.spec.factory).toBe("njpayloadsink");
    expect(unbatch.spec.factory).toBe("nvstreamdemux");
    const picture = profileOf(settings())!.picture({ width: 640, maxFps: 5, quality: 80 });
    expect(picture).toMatch(/memory:NVMM\),format=RGBA ! nvdsosd gpu-id=1 .*jpegenc quality=80$/);
  });
});

describe("nvmsgconv", () => {
  it("has a configuration, the new interface, and every frame", () => {
    expect(propertiesOf(settings(), "nvmsgconv")).toEqual({
      config: "/run/site.txt",
      "payload-type": 1,
      "comp-id": 1,
      "msg2p-newapi": true,
      "frame-interval": 1,
    });
  });

  it("is followed by events only: no second payload of the same objects", () => {
    expect(propertiesOf(settings(), "njmsgconv")).toMatchObject({ "msg2p-newapi": false, events: true });
  });
});

describe("the muxer", () => {
  it("legacy scales, is live, and has buffers for those that njinfer holds", () => {
    const properties = propertiesOf(settings(), "nvstreammux");
    expect(properties).toMatchObject({ width: 1920, height: 1080, "live-source": true, "batch-size": 4, "gpu-id": 1 });
    expect(properties["buffer-pool-size"]).toBeGreaterThan(infer.slots + 1);
  });

  it("new has none of the properties that only the legacy one has", () => {
    const properties = propertiesOf(settings({ muxer: "new" }), "nvstreammux");
    expect(Object.keys(properties).sort()).toEqual([
      "attach-sys-ts",
      "batch-size",
      "batched-push-timeout",
      "drop-pipeline-eos",
    ]);
  });

  it.each([
    ["legacy", "no"],
    ["new", "yes"],
  ] as const)("%s is what the plugin is told to be", (muxer, value) => {
    expect(deepStreamEnvironment({ muxer })).toEqual({ USE_NEW_NVSTREAMMUX: value });
  });
});

it("nvtracker has its library, its configuration and its size", () => {
  expect(propertiesOf(settings(), "nvtracker")).toMatchObject({
    "ll-lib-file": "/ds/libtracker.so",
    "ll-config-file": "/ds/iou.yml",
    "tracker-width": 640,
    "tracker-height": 384,
  });
});

it("all elements that have to be installed are known before one is made", () => {
  expect(factoriesOf(planOf(settings()))).toEqual(
    expect.arrayContaining([
      "nvstreammux",
      "nvtracker",
      "nvmsgconv",
      "nvstreamdemux",
      "nvurisrcbin",
      "nvdsosd",
      "njgate",
    ]),
  );
});

describe("sources", () => {
  const plan = (source: SourceSettings) => profileOf(settings())!.plan(source, { retry: 0, provenTransport: null });
  const value = (source: SourceSettings, property: string) =>
    plan(source).properties.find((entry) => entry.property === property)?.value;

  const camera: RtspSource = {
    kind: "rtsp",
    uri: "rtsp://cam/stream?a=1",
    username: "me",
    password: "p@ss/word",
    transport: "auto",
    latencyMs: 200,
    dropOnLatency: true,
    timeoutMs: 5000,
  };

  it("a camera is nvurisrcbin's, by TCP first, and its retries are ours", () => {
    expect(plan(camera).description).toBe("nvurisrcbin name=source");
    expect(value(camera, "select-rtp-protocol")).toBe(4);
    expect(value(camera, "rtsp-reconnect-interval")).toBe(0);
    expect(value(camera, "latency")).toBe(200);
    expect(value(camera, "gpu-id")).toBe(1);
  });

  it("a password is in the address that the element gets, escaped, and in no text", () => {
    expect(value(camera, "uri")).toBe("rtsp://me:p%40ss%2Fword@cam/stream?a=1");
    expect(plan(camera).address).toBe("rtsp://cam/stream?a=1");
    expect(plan(camera).description).not.toContain("p%40ss");
  });

  it("a file goes round by itself", () => {
    const file = { kind: "file", uri: "/clips/a b.mp4", loop: true, realtime: true } as const;
    expect(value(file, "uri")).toBe("file:///clips/a%20b.mp4");
    expect(value(file, "file-loop")).toBe(true);
    expect(plan(file).loops).toBe(false);
    expect(plan(file).ends).toBe(false);
  });

  it("frames from the CPU are brought into NVMM", () => {
    const device = { kind: "v4l2", device: "/dev/video0", width: 0, height: 0, framerate: 0, format: "auto" } as const;
    expect(plan(device).adapt).toBe(
      "videoconvert name=convert ! nvvideoconvert gpu-id=1 ! video/x-raw(memory:NVMM),format=NV12",
    );
  });
});
