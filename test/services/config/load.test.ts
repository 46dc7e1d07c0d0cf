import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sourceOfUri } from "../../../services/config/cameras.ts";
import { defaultRuntimeDirectory, defaultStateDirectory } from "../../../services/config/directories.ts";
import { ConfigError, loadConfig, parseCamera, parseConfig } from "../../../services/config/load.ts";
import { readSecret, redact, secretFileWarning } from "../../../services/config/secrets.ts";

const configOf = (text: string) => parseConfig(`version: 1\n${text}`, "/etc/nightjar/nightjar.yaml");

describe("a valid configuration", () => {
  it("has every default filled in", () => {
    const config = configOf("device: {id: box}");
    expect(config.mqtt).toMatchObject({
      qos: 1,
      keepAlive: 30_000,
      clientId: "nightjar-box",
      topicPrefix: "nightjar/box",
    });
    expect(config.inference).toMatchObject({ bundle: "street", interval: 0, deadline: 1000 });
    expect(config.console).toMatchObject({ listen: "127.0.0.1:8080", pictureQuality: 0.75 });
  });

  it("takes its name from the host when it has none", () => {
    expect(configOf("").device.id).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]*$/);
  });

  it("counts a section of which everything is commented out as absent", () => {
    expect(configOf("cameras:\nmqtt:\n  #qos: 0\n").mqtt.qos).toBe(1);
  });

  it("resolves paths beside the file, and leaves names of bundles alone", () => {
    const config = configOf(`
cameras: [{id: a, source: {type: file, path: clips/a.mp4}}]
inference: {bundle: ./bundles/mine}
mqtt: {password: {file: secret}}
directories: {state: state}`);
    expect(config.cameras[0]?.source).toMatchObject({ path: "/etc/nightjar/clips/a.mp4" });
    expect(config.inference.bundle).toBe("/etc/nightjar/bundles/mine");
    expect(config.tracking.bundle).toBe("bytetrack");
    expect(config.mqtt.password).toEqual({ file: "/etc/nightjar/secret" });
    expect(config.directories.state).toBe("/etc/nightjar/state");
  });

  it("may use anchors and merge keys", () => {
    const config = configOf("cameras:\n  - &a {id: a, uri: 'test:', stallTimeout: 9s}\n  - {<<: *a, id: b}");
    expect(config.cameras.map(({ id, stallTimeout }) => [id, stallTimeout])).toEqual([
      ["a", 9000],
      ["b", 9000],
    ]);
  });

  it.each([
    ["rtsp://h/p", { type: "rtsp", uri: "rtsp://h/p", transport: "tcp", latency: 200 }],
    ["file:///a%20b.mp4", { type: "file", path: "/a b.mp4", loop: false, realtime: true }],
    ["v4l2:///dev/video2", { type: "v4l2", device: "/dev/video2" }],
    ["test:ball", { type: "test", pattern: "ball", framerate: 15 }],
    ["https://h/live.m3u8", { type: "uri", uri: "https://h/live.m3u8" }],
  ])("reads the short form %s", (uri, source) => {
    expect(sourceOfUri(uri)).toMatchObject(source);
  });
});

it.each(["demo/nightjar.yaml", "rootfs/etc/nightjar/nightjar.yaml"])("%s is valid", (file) => {
  expect(loadConfig(join(import.meta.dirname, "../../..", file)).version).toBe(1);
});

it("a path that begins with ~/ lies in the home directory", () => {
  const config = parseConfig("version: 1\ndirectories: {state: ~/own, bundles: here}", "/etc/nightjar.yaml");
  expect(config.directories).toMatchObject({ state: join(homedir(), "own"), bundles: "/etc/here" });
});

it("the demo keeps its cameras away from the user's own, and is found without options", () => {
  const { directories } = loadConfig(join(import.meta.dirname, "../../../demo/nightjar.yaml"));
  expect(directories.state).not.toBe(defaultStateDirectory());
  expect(directories.runtime).toBe(defaultRuntimeDirectory());
});

it("one camera alone is checked with the same words, without a place", () => {
  expect(() =>
    parseCamera({ id: "a", source: { type: "rtsp", uri: "rtsp://h/p", latency: 5 } }, "camera", "/"),
  ).toThrow(
    "camera: source.latency: found 5, expected a duration of at most 60s, with its unit, such as 200ms or 60s (did you mean 5ms or 5s?)",
  );
});

describe("directories", () => {
  it("are the service manager's, else the session's, else the user's", () => {
    expect(defaultRuntimeDirectory({ RUNTIME_DIRECTORY: "/run/nightjar:/run/other" })).toBe("/run/nightjar");
    expect(defaultRuntimeDirectory({ XDG_RUNTIME_DIR: "/run/user/7" })).toBe("/run/user/7/nightjar");
    expect(defaultRuntimeDirectory({})).toBe(join(tmpdir(), `nightjar-${process.getuid?.()}`));
    expect(defaultStateDirectory({ XDG_STATE_HOME: "/s" })).toBe("/s/nightjar");
  });
});

describe("secrets", () => {
  const directory = mkdtempSync(join(tmpdir(), "nightjar-secret-"));
  const file = join(directory, "password");
  writeFileSync(file, "hunter2\n", { mode: 0o600 });

  it("are read from files without the line break, and from the environment", () => {
    process.env.NIGHTJAR_TEST_SECRET = "swordfish";
    expect(readSecret({ file }, "mqtt.password")).toBe("hunter2");
    expect(readSecret({ env: "NIGHTJAR_TEST_SECRET" }, "mqtt.password")).toBe("swordfish");
  });

  it("that are missing are named by key and place", () => {
    expect(() => readSecret({ file: "/nowhere" }, "mqtt.password")).toThrow(
      "mqtt.password: expected the secret in /nowhere, but there is no such file",
    );
    expect(() => readSecret({ env: "NIGHTJAR_NO_SUCH" }, "mqtt.password")).toThrow(
      "mqtt.password: expected the secret in the environment variable NIGHTJAR_NO_SUCH, but it is not set",
    );
  });

  it("in files that everyone can read are warned of", () => {
    expect(secretFileWarning({ file }, "mqtt.password")).toBeUndefined();
    chmodSync(file, 0o644);
    expect(secretFileWarning({ file }, "mqtt.password")).toContain(`chmod o-rwx ${file}`);
  });

  it.each([
    ["rtsp://me:secret@h/p and rtsp://h/q", "rtsp://***@h/p and rtsp://h/q"],
    ["mqtts://me@h", "mqtts://***@h"],
    ["mail me@h", "mail me@h"],
  ])("are taken out of %s", (text, shown) => {
    expect(redact(text)).toBe(shown);
  });
});

describe("a file that is not YAML", () => {
  const refusal = (text: string) => {
    try {
      configOf(text);
    } catch (error) {
      return error instanceof ConfigError ? error.message : String(error);
    }
    return "accepted";
  };

  it("is refused in one line, without what follows from the first fault", () => {
    expect(refusal("cameras: [\n  - a: {")).toMatch(
      /^\/etc\/nightjar\/nightjar\.yaml:\d+:\d+: not valid YAML: [^\n]+$/,
    );
  });

  it("cannot fill the memory with aliases of aliases", () => {
    const level = (name: string, inner: string) => `${name}: &${name} [${Array(9).fill(inner).join(",")}]\n`;
    const bomb = level("a", "x") + level("b", "*a") + level("c", "*b") + level("d", "*c") + level("e", "*d");
    expect(refusal(bomb)).toContain("not valid YAML: excessive alias count");
  });

  it("may not use an alias without its anchor", () => {
    expect(refusal("device: *nowhere")).toMatch(/not valid YAML: [^\n]*nowhere[^\n]*$/);
  });

  it("may be a directory: that is said", () => {
    expect(() => loadConfig(tmpdir())).toThrow(`${tmpdir()}: it is a directory; expected a configuration`);
  });
});
