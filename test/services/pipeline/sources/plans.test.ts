import { describe, expect, it } from "vitest";
import type { ImagesSource, RtspSource } from "../../../../services/pipeline/messages.ts";
import { fraction } from "../../../../services/pipeline/sources/framerate.ts";
import { planSource } from "../../../../services/pipeline/sources/index.ts";
import { BadSource, type PlanContext, type SourcePlan } from "../../../../services/pipeline/sources/plan.ts";
import { chooseTransport } from "../../../../services/pipeline/sources/rtsp.ts";

const first: PlanContext = { retry: 0, provenTransport: null };

const rtsp: RtspSource = {
  kind: "rtsp",
  uri: "rtsp://admin:in-uri@cam/stream",
  transport: "auto",
  latencyMs: 100,
  dropOnLatency: true,
  timeoutMs: 5000,
};

const images: ImagesSource = {
  kind: "images",
  location: "/data/%05d.png",
  framerate: 10,
  firstIndex: 1,
  loop: true,
  realtime: true,
};

const propertyOf = (plan: SourcePlan, property: string) =>
  plan.properties.find((entry) => entry.property === property)?.value;

describe("an RTSP camera with transport auto", () => {
  it.each<[string, PlanContext, string]>([
    ["begins with TCP", first, "tcp"],
    ["tries UDP after a failure", { ...first, retry: 1 }, "udp"],
    ["goes back to TCP after another", { ...first, retry: 2 }, "tcp"],
    ["stays with what has worked", { retry: 3, provenTransport: "tcp" }, "tcp"],
  ])("%s", (_title, context, transport) => {
    expect(chooseTransport("auto", context)).toBe(transport);
  });

  it("keeps to a transport that was asked for", () => {
    expect(chooseTransport("udp", { retry: 0, provenTransport: "tcp" })).toBe("udp");
  });
});

describe("the plan of an RTSP camera", () => {
  it("has the password apart from the address", () => {
    const plan = planSource(rtsp, first);
    expect(propertyOf(plan, "location")).toBe("rtsp://cam/stream");
    expect(propertyOf(plan, "user-pw")).toBe("in-uri");
    expect(plan.address).toBe("rtsp://cam/stream");
  });

  it("prefers the password of its own setting", () => {
    expect(propertyOf(planSource({ ...rtsp, password: "own" }, first), "user-pw")).toBe("own");
  });

  it("gives GStreamer microseconds", () => {
    expect(propertyOf(planSource(rtsp, first), "tcp-timeout")).toBe(5_000_000);
  });
});

describe("nothing that a person typed gets into gst-launch text:", () => {
  const evil = "/tmp/x ! fakesink name=y";
  it.each([
    planSource({ kind: "file", uri: evil, loop: true, realtime: true }, first),
    planSource({ kind: "v4l2", device: evil, width: 0, height: 0, framerate: 0, format: "auto" }, first),
    planSource({ ...rtsp, uri: evil }, first),
    planSource({ ...images, location: `${evil}%d` }, first),
  ])("source %#", (plan) => {
    expect(plan.description).not.toContain("/tmp/x");
  });
});

it.each(["ball ! filesink", "a b", "", "$(x)"])("a test source refuses the pattern %j", (pattern) => {
  const source = { kind: "test", pattern, width: 1, height: 1, framerate: 1, realtime: true, frames: 0 } as const;
  expect(() => planSource(source, first)).toThrow(BadSource);
});

describe("numbered images", () => {
  it.each(["/data/frame.jpg", "/data/%s.jpg", "/data/%d-%d.jpg", "/data/100%/%d.jpg", "/data/%n.jpg"])(
    "refuse the location %s",
    (location) => {
      expect(() => planSource({ ...images, location }, first)).toThrow(BadSource);
    },
  );

  it("are PNG by their name", () => {
    expect(propertyOf(planSource(images, first), "caps")).toBe("image/png,framerate=10/1");
  });
});

it.each([
  [15, "15/1"],
  [29.97, "30000/1001"],
  [23.976, "24000/1001"],
  [12.5, "12500/1000"],
  [0.5, "500/1000"],
])("writes a framerate of %d as %s", (framerate, text) => {
  expect(fraction(framerate)).toBe(text);
});
