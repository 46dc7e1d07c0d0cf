import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parseConfig } from "../../../services/config/load.ts";
import type { ConfigInput } from "../../../services/config/schema.ts";
import { messageConfig } from "../../../services/supervisor/message-config.ts";
import { type Bundles, cameraSettings, pipelineSettings } from "../../../services/supervisor/pipeline-settings.ts";

const configOf = (input: Partial<ConfigInput>) =>
  parseConfig(stringify({ version: 1, ...input }), "/etc/nightjar/nightjar.yaml");

const bundles: Bundles = {
  detector: {
    directory: "/b/street",
    name: "street",
    version: "1",
    kind: "detect",
    labels: ["car", "truck", "person"],
  },
  tracker: { directory: "/b/bytetrack", name: "bytetrack", version: "1", kind: "analyze", labels: [] },
};

const settingsOf = (input: Partial<ConfigInput>) =>
  pipelineSettings({
    config: configOf(input),
    cameras: [],
    bundles,
    hostSocket: "/run/h.sock",
    messageConfigFile: "/run/m.txt",
  });

const cameraOf = (entry: NonNullable<ConfigInput["cameras"]>[number], input: Partial<ConfigInput> = {}) => {
  const config = configOf({ ...input, cameras: [entry] });
  const camera = config.cameras[0];
  if (camera === undefined) throw new Error("no camera");
  return cameraSettings({ camera, sourceId: 3, origin: "configuration" }, config);
};

describe("what the pipeline is told", () => {
  it("translates labels to class ids", () => {
    const { infer } = settingsOf({
      inference: { classThresholds: { person: 0.5, car: 0.3 }, classes: ["car", "person"] },
    });
    expect(infer).toMatchObject({ classThresholds: "2:0.5;0:0.3", filterOutClassIds: [1] });
  });

  it("leaves to the bundle what the configuration does not say", () => {
    const { infer } = settingsOf({});
    expect(infer).not.toHaveProperty("confidenceThreshold");
    expect(infer).not.toHaveProperty("classThresholds");
  });

  it("turns units into those of the messages", () => {
    const settings = settingsOf({ pipeline: { batchTimeout: "40ms" }, console: { pictureQuality: "60%" } });
    expect(settings.batch.timeoutUs).toBe(40_000);
    expect(settings.pictures.quality).toBe(60);
  });

  it("gives true and false to modules as 1 and 0", () => {
    const { analytics } = settingsOf({ tracking: { parameters: { "use-angle": true, buffer: 30, weights: [1, 2] } } });
    expect(analytics[0]?.parameters).toEqual({ "use-angle": 1, buffer: 30, weights: [1, 2] });
  });

  it("has a camera's own stall time before the pipeline's", () => {
    expect(cameraOf({ id: "a", uri: "test:" }, { pipeline: { stallTimeout: "7s" } }).stallTimeoutMs).toBe(7000);
    expect(
      cameraOf({ id: "a", uri: "test:", stallTimeout: "9s" }, { pipeline: { stallTimeout: "7s" } }).stallTimeoutMs,
    ).toBe(9000);
  });

  it("carries credentials apart from the address", () => {
    process.env.NIGHTJAR_TEST_PASSWORD = "swordfish";
    const source = {
      type: "rtsp" as const,
      uri: "rtsp://h/p",
      username: "u",
      password: { env: "NIGHTJAR_TEST_PASSWORD" },
    };
    expect(cameraOf({ id: "a", source }).source).toMatchObject({
      uri: "rtsp://h/p",
      username: "u",
      password: "swordfish",
    });
  });

  it("names camera and key when a password cannot be read", () => {
    const source = { type: "rtsp" as const, uri: "rtsp://h/p", username: "u", password: { file: "/nowhere" } };
    expect(() => cameraOf({ id: "a", source })).toThrow("camera a: source.password: expected the secret in /nowhere");
  });
});

it("nvmsgconv gets a sensor, a place and an analytics group with each camera's number", () => {
  const config = configOf({
    device: { id: "box", place: { id: "1", name: "main", location: { latitude: 52.5, longitude: 13.4 } } },
    cameras: [{ id: "gate", uri: "test:", description: "north\ngate", coordinate: { x: 1, y: 2 } }],
    messages: { analytics: { id: "m1", version: "2" } },
  });
  const text = messageConfig(
    config,
    config.cameras.map((camera) => ({ camera, sourceId: 4, origin: "configuration" })),
  );
  expect(text).toBe(`[sensor4]
enable=1
type=Camera
id=gate
location=0;0;0
description=north\\ngate
coordinate=1;2;0

[place4]
enable=1
id=1
type=intersection
name=main
location=52.5;13.4;0
coordinate=0;0;0

[analytics4]
enable=1
id=m1
description=
source=
version=2
`);
});
