import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "../../../services/config/load.ts";

/** The problems of a text, one line each. */
function problemsOf(text: string): string[] {
  try {
    parseConfig(text, "n.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

/** A problem in a valid configuration with this added. */
const problemWith = (text: string) => problemsOf(`version: 1\n${text}`);

const camera = (source: string) => `cameras: [{id: a, source: {${source}}}]`;

describe("a wrong configuration is told in one line with place, key, value and what was expected", () => {
  it.each([
    ["a missing version", "cameras: []", "n.yaml:1:1: version: missing; expected 1, the version of this format"],
    ["another version", "version: 2", "n.yaml:1:10: version: found 2, expected 1, the version of this format"],
    ["a list instead of keys", "[1]", "n.yaml:1:1: found a list, expected a map of keys and values"],
    [
      "an open bracket",
      "version: 1\ncameras: [",
      "n.yaml:2:11: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]",
    ],
    ["a tab", "version: 1\nmqtt:\n\tqos: 1", "n.yaml:3:1: not valid YAML: tabs are not allowed as indentation"],
    ["a key twice", "version: 1\nversion: 1", "n.yaml:2:1: not valid YAML: map keys must be unique"],
  ])("%s", (_, text, expected) => {
    expect(problemsOf(text)).toEqual([expected]);
  });

  it.each([
    ["an unknown section", "camras: []", "n.yaml:2:1: camras: unknown key (did you mean cameras?)"],
    ["an unknown key", "mqtt: {qoss: 1}", "n.yaml:2:8: mqtt.qoss: unknown key (did you mean qos?)"],
    [
      "an unknown key that is like no other",
      "messages:\n  colour: red",
      "n.yaml:3:3: messages.colour: unknown key (known here: format, frameInterval, extensions, identity, events, analytics)",
    ],
    [
      "a key of another source",
      camera("type: file, path: a.mp4, latency: 200ms"),
      "n.yaml:2:53: cameras[0].source.latency: unknown key (known here: type, path, loop, realtime)",
    ],
    [
      "a duration without unit",
      "inference: {deadline: 500}",
      "n.yaml:2:23: inference.deadline: found 500, expected a duration from 10ms to 60s, with its unit, such as 10ms or 60s (did you mean 500ms or 500s?)",
    ],
    [
      "a duration without unit in quotes",
      'pipeline: {batchTimeout: "33"}',
      'n.yaml:2:26: pipeline.batchTimeout: found "33", expected a duration of at most 10s, with its unit, such as 200ms or 10s (did you mean 33ms or 33s?)',
    ],
    [
      "a duration in bytes",
      "pipeline: {stallTimeout: 5MiB}",
      'n.yaml:2:26: pipeline.stallTimeout: found "5MiB", expected a duration from 500ms to 1h, with its unit, such as 500ms or 1h',
    ],
    [
      "a duration out of range",
      "pipeline: {stallTimeout: 1ms}",
      'n.yaml:2:26: pipeline.stallTimeout: found "1ms", expected a duration from 500ms to 1h, with its unit, such as 500ms or 1h',
    ],
    [
      "a broker elsewhere without TLS",
      "mqtt: {url: 'mqtt://broker.example'}",
      "n.yaml:2:13: mqtt.url: goes to another machine without TLS; use mqtts:, or, where anyone may read and change the messages, write mqtt.insecure: true",
    ],
    [
      "an embedded broker for other machines",
      "mqtt: {embedded: {listen: '0.0.0.0:1883'}}",
      "n.yaml:2:27: mqtt.embedded.listen: lets other machines read and write messages without TLS and password; use a broker of your own with TLS, or, where anyone may, write mqtt.insecure: true",
    ],
    [
      "verification that is to be turned off",
      "mqtt: {tls: {verify: false}}",
      "n.yaml:2:14: mqtt.tls.verify: unknown key (known here: ca, certificate, key, serverName)",
    ],
    [
      "a size without unit",
      "outbox: {memory: 64}",
      "n.yaml:2:18: outbox.memory: found 64, expected a size with its unit (B, kB, MB, GB, KiB, MiB, GiB), such as 64MiB (did you mean 64MiB or 64B?)",
    ],
    [
      "a percentage without sign",
      "console: {pictureQuality: 75}",
      "n.yaml:2:27: console.pictureQuality: found 75, expected a percentage from 0% to 100%, such as 75% (did you mean 75%?)",
    ],
    [
      "a percentage above 100",
      "console: {pictureQuality: 150%}",
      'n.yaml:2:27: console.pictureQuality: found "150%", expected a percentage from 0% to 100%, such as 75%',
    ],
    [
      "a number out of range",
      "inference: {confidence: 25}",
      "n.yaml:2:25: inference.confidence: found 25, expected a number from 0 to 1",
    ],
    [
      "a fraction for a whole number",
      "inference: {interval: 0.5}",
      "n.yaml:2:23: inference.interval: found 0.5, expected a whole number from 0 to 1000",
    ],
    [
      "a text for a number",
      'inference: {interval: "3"}',
      'n.yaml:2:23: inference.interval: found "3", expected a whole number from 0 to 1000',
    ],
    ["yes for true", "tracking: {enabled: yes}", 'n.yaml:2:21: tracking.enabled: found "yes", expected true or false'],
    [
      "a misspelt choice",
      "messages: {format: ful}",
      'n.yaml:2:20: messages.format: found "ful", expected one of minimal, full (did you mean full?)',
    ],
    ["another choice of numbers", "mqtt: {qos: 2}", "n.yaml:2:13: mqtt.qos: found 2, expected 0 or 1"],
    [
      "a port without host",
      'console: {listen: "8080"}',
      'n.yaml:2:19: console.listen: found "8080", expected an address HOST:PORT, such as 127.0.0.1:8080 or [::]:8080',
    ],
    [
      "a console for others without TLS",
      'console: {listen: "0.0.0.0:8080"}',
      "n.yaml:2:19: console.listen: 0.0.0.0:8080 can be reached by other machines, and passwords must not travel without TLS; give console.tls.certificate and key, or console.tls.selfSigned: true, and make a user (nightjar user add)",
    ],
    [
      "a certificate of the console without its key",
      "console: {tls: {certificate: a.pem}}",
      "n.yaml:2:30: console.tls.certificate: needs console.tls.key, its private key, too",
    ],
    [
      "a port that is none",
      'console: {listen: "localhost:80800"}',
      'n.yaml:2:19: console.listen: found "localhost:80800", expected a port from 0 to 65535',
    ],
    [
      "a topic with a wildcard",
      "mqtt: {topicPrefix: a/#}",
      "n.yaml:2:21: mqtt.topicPrefix: found \"a/#\", expected a topic without '+', '#' and without '/' at its ends",
    ],
    [
      "an unknown source",
      camera("type: rtps, uri: rtsp://x/y"),
      'n.yaml:2:34: cameras[0].source.type: found "rtps", expected a source whose type is one of rtsp, uri, file, v4l2, test, images',
    ],
    [
      "a missing key of a source",
      camera("type: file"),
      "n.yaml:2:27: cameras[0].source.path: missing; expected the path of a file or directory",
    ],
    [
      "a camera without id",
      "cameras:\n  - uri: 'test:'",
      "n.yaml:3:5: cameras[0].id: missing; expected an identifier of letters, digits, '-' and '_' (at most 63, a letter or digit first)",
    ],
    [
      "a camera without source",
      "cameras:\n  - id: a",
      "n.yaml:3:5: cameras[0]: has neither uri nor source; one of them says where the pictures come from",
    ],
    [
      "two sources",
      "cameras: [{id: a, uri: 'test:', source: {type: test}}]",
      "n.yaml:2:24: cameras[0].uri: stands beside source; give only one of the two",
    ],
    [
      "an id twice",
      "cameras: [{id: a, uri: 'test:'}, {id: a, uri: 'test:'}]",
      'n.yaml:2:39: cameras[1].id: "a" is already the id of cameras[0]; ids must differ',
    ],
    [
      "a short uri that is none",
      "cameras: [{id: a, uri: a.mp4}]",
      'n.yaml:2:24: cameras[0].uri: found "a.mp4", expected a URI, such as rtsp://HOST/PATH, file:///PATH, v4l2:///dev/video0 or test:',
    ],
    [
      "delays in the wrong order",
      "pipeline: {restart: {delay: 1min, maxDelay: 1s}}",
      "n.yaml:2:29: pipeline.restart.delay: is longer than pipeline.restart.maxDelay; the first wait cannot be the longest",
    ],
    [
      "a certificate without key",
      "mqtt: {tls: {certificate: a.pem}}",
      "n.yaml:2:27: mqtt.tls.certificate: needs mqtt.tls.key, its private key, too",
    ],
  ])("%s", (_, text, expected) => {
    expect(problemWith(text)).toEqual([expected]);
  });
});

describe("secrets", () => {
  it("are refused in the file, and not repeated", () => {
    const lines = problemWith(camera("type: rtsp, uri: 'rtsp://x/y', username: u, password: hunter2"));
    expect(lines).toEqual([
      "n.yaml:2:82: cameras[0].source.password: found a value (hidden), expected where the secret is kept, {file: PATH}, {env: NAME} or {credential: NAME}; a secret is never written in the configuration",
    ]);
  });

  it.each([
    ["cameras: [{id: a, uri: 'rtsp://me:hunter2@x/y'}]", "cameras[0].uri"],
    [camera("type: rtsp, uri: 'rtsp://me:hunter2@x/y'"), "cameras[0].source.uri"],
    ["mqtt: {url: 'mqtts://me:hunter2@x'}", "mqtt.url"],
  ])("are refused in addresses: %s", (text, key) => {
    const lines = problemWith(text);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`${key}: carries a user name or password`);
    expect(lines[0]).not.toContain("hunter2");
  });
});

it("tells all problems at once, in the order of the text", () => {
  const lines = problemsOf(
    "version: 1\nmqtt: {qos: 7}\ncamras: []\ncameras:\n  - {id: a b}\n  - {id: c, uri: 'test:', latency: 5}",
  );
  expect(lines.map((line) => line.split(": ").slice(0, 2).join(" "))).toEqual([
    "n.yaml:2:13 mqtt.qos",
    "n.yaml:3:1 camras",
    "n.yaml:5:5 cameras[0]",
    "n.yaml:5:10 cameras[0].id",
    "n.yaml:6:27 cameras[1].latency",
  ]);
});

it("names a file that is not there", () => {
  expect(() => parseConfig("", "n.yaml")).toThrow("n.yaml:1:1: version: missing");
});
