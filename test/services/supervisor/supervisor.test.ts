import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "mqtt";
import { afterEach, describe, expect, it } from "vitest";
import type { LogEntry } from "../../../services/log/entry.ts";
import { EXIT, ExpectedError } from "../../../services/log/errors.ts";
import type { CameraView, ProcessView } from "../../../services/supervisor/status.ts";
import { waitUntil } from "../../support/wait.ts";
import { makeFolder, type SmallSupervisor, startSmall } from "./small-supervisor.ts";

const open: SmallSupervisor[] = [];
afterEach(async () => {
  for (const small of open.splice(0)) await small.end();
});

async function start(...given: Parameters<typeof startSmall>): Promise<SmallSupervisor> {
  const small = await startSmall(...given);
  open.push(small);
  return small;
}

const cameraOf = ({ supervisor }: SmallSupervisor, id: string) =>
  supervisor.status().cameras.find((camera) => camera.id === id);
const processOf = ({ supervisor }: SmallSupervisor, name: string) =>
  supervisor.status().processes.find((one) => one.name === name);

function untilPlaying(small: SmallSupervisor, id: string): Promise<CameraView> {
  return waitUntil(
    `camera ${id} to play`,
    () => {
      const camera = cameraOf(small, id);
      return camera?.state === "playing" && camera.messages > 2 ? camera : undefined;
    },
    15_000,
    () => JSON.stringify(small.supervisor.status()),
  );
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

describe("a running Nightjar", () => {
  it("counts frames, objects, ids and messages of each camera and brings them to the broker", async () => {
    const small = await start();
    const gate = await untilPlaying(small, "gate");
    expect(gate).toMatchObject({
      name: "Gate",
      origin: "configuration",
      source: "test smpte",
      fps: 20,
      everPlayed: true,
    });
    expect(gate.objects.map(({ label }) => label)).toEqual(["car", "person"]);
    expect(gate.ids).toBeGreaterThan(2);
    expect(gate.latency.p50).toBeGreaterThanOrEqual(20);
    const { broker, totals } = small.supervisor.status();
    expect(broker).toMatchObject({ state: "connected", embedded: true, topicPrefix: "nightjar/box" });
    expect(totals.objects).toBeGreaterThan(4);
  });

  it("publishes the payload as it came, with its identity behind it, on the camera's topic", async () => {
    const small = await start();
    await untilPlaying(small, "gate");
    const client = connect(small.supervisor.status().broker.url, { protocolVersion: 4 });
    const got = new Promise<[string, string]>((resolve) =>
      client.on("message", (topic, body) => resolve([topic, body.toString()])),
    );
    client.subscribe("nightjar/box/cameras/gate/objects");
    const [topic, body] = await got;
    client.end(true);
    expect(topic).toBe("nightjar/box/cameras/gate/objects");
    expect(Object.keys(JSON.parse(body))).toEqual(["version", "id", "objects", "nightjarMessage"]);
  });

  it("has video back when the pipeline process is killed, and counts on", async () => {
    const small = await start();
    const before = await untilPlaying(small, "gate");
    const pid = processOf(small, "pipeline")?.pid ?? 0;
    process.kill(pid, "SIGKILL");
    await waitUntil("another pipeline", () => processOf(small, "pipeline")?.restarts === 1);
    const after = await waitUntil("new messages", () => {
      const gate = cameraOf(small, "gate");
      return gate !== undefined && gate.state === "playing" && gate.messages > before.messages ? gate : undefined;
    });
    expect(after.frames).toBeGreaterThanOrEqual(before.frames);
    expect(isGone(pid)).toBe(true);
  });

  it("says that frames pass without objects while the postprocess process is away", async () => {
    const small = await start({ pipeline: { hangTimeout: "1s", restart: { delay: "2s", maxDelay: "2s" } } });
    await untilPlaying(small, "gate");
    process.kill(processOf(small, "postprocess")?.pid ?? 0, "SIGKILL");
    const gate = await waitUntil("a reason", () => {
      const camera = cameraOf(small, "gate");
      return camera?.reason.startsWith("frames pass without objects") ? camera : undefined;
    });
    expect(gate.state).toBe("playing");
  });

  it("is not disturbed by a camera that cannot be played", async () => {
    const small = await start({
      cameras: [
        { id: "gate", uri: "test:" },
        { id: "broken", uri: "rtsp://h/p" },
      ],
    });
    await untilPlaying(small, "gate");
    expect(cameraOf(small, "broken")).toMatchObject({ state: "failed", reason: "nobody answers", everPlayed: false });
  });

  it("does not open a camera that is not enabled", async () => {
    const small = await start({
      cameras: [
        { id: "gate", uri: "test:" },
        { id: "off", uri: "test:", enabled: false },
      ],
    });
    await untilPlaying(small, "gate");
    expect(cameraOf(small, "off")?.state).toBe("disabled");
  });
});

describe("cameras at run time", () => {
  it("are not added when that cannot be written down, and the reason is said", async () => {
    const small = await start();
    const inTheWay = join(small.folder, "state/cameras.json.new");
    mkdirSync(inTheWay);
    await expect(small.supervisor.addCamera({ id: "door", uri: "test:" })).rejects.toThrow(
      /cameras\.json cannot be written \(EISDIR\); check the disk and the permissions\. .* nothing was changed/,
    );
    expect(cameraOf(small, "door")).toBeUndefined();
  });

  it("are named in the log's messages, which is all that the console shows", async () => {
    const log: LogEntry[] = [];
    const small = await start({}, { log });
    await small.supervisor.addCamera({ id: "door", uri: "test:" });
    await small.supervisor.removeCamera("door");
    const messages = log.map(({ message }) => message);
    expect(messages).toEqual(expect.arrayContaining(['camera "door" added', 'camera "door" removed']));
  });

  it("are added, play, and survive a restart", async () => {
    const first = await startSmall();
    await untilPlaying(first, "gate");
    await first.supervisor.addCamera({ id: "roof", uri: "test:snow" });
    await untilPlaying(first, "roof");
    await first.end("keep");
    const second = await start({}, { folder: first.folder });
    expect((await untilPlaying(second, "roof")).origin).toBe("added");
  });

  it("are removed, also those of the configuration, and stay removed", async () => {
    const first = await startSmall();
    await untilPlaying(first, "gate");
    await first.supervisor.removeCamera("gate");
    expect(first.supervisor.status().cameras.map(({ id }) => id)).toEqual(["yard"]);
    await first.end("keep");
    const second = await start({}, { folder: first.folder });
    expect(second.supervisor.status().cameras.map(({ id }) => id)).toEqual(["yard"]);
    await second.supervisor.addCamera({ id: "gate", uri: "test:" });
    expect(cameraOf(second, "gate")?.origin).toBe("added");
  });

  it("are refused with the reason, and then nothing has changed", async () => {
    const small = await start();
    await untilPlaying(small, "gate");
    const add = (entry: Parameters<typeof small.supervisor.addCamera>[0]) => small.supervisor.addCamera(entry);
    await expect(add({ id: "gate", uri: "test:" })).rejects.toThrow('there is already a camera "gate"');
    await expect(add({ id: "a", uri: "nonsense" })).rejects.toThrow('camera: uri: found "nonsense", expected a URI');
    await expect(add({ id: "refused", uri: "test:" })).rejects.toThrow("the pipeline does not like this camera");
    await expect(small.supervisor.removeCamera("gat")).rejects.toThrow(
      'there is no camera "gat"; known cameras: gate, yard',
    );
    expect(small.supervisor.status().cameras.map(({ id }) => id)).toEqual(["gate", "yard"]);
  });

  it("that a damaged state file held are lost with a warning, and the file is kept", async () => {
    const first = await startSmall();
    await first.supervisor.addCamera({ id: "roof", uri: "test:" });
    await first.end("keep");
    const file = join(first.folder, "state", "cameras.json");
    writeFileSync(file, readFileSync(file, "utf8").slice(0, -20));
    const second = await start({}, { folder: first.folder });
    expect(second.supervisor.status().cameras.map(({ id }) => id)).toEqual(["gate", "yard"]);
    expect(statSync(`${file}.invalid`).isFile()).toBe(true);
  });
});

describe("what keeps Nightjar from running is named", () => {
  it("a process that is given up", async () => {
    const small = await start({}, { pipeline: "crashing", folder: makeFolder() });
    const error = await small.supervisor.failed;
    expect(error.exitCode).toBe(EXIT.bug);
    expect(error.message).toContain(
      "the pipeline process cannot run: exited with code 3 (its last words: the driver has gone away)",
    );
    expect(cameraOf(small, "gate")).toMatchObject({
      state: "failed",
      reason: "the pipeline process has been given up",
    });
  });

  it("input that a process cannot work with is the configuration's fault", async () => {
    const small = await start({}, { pipeline: "refusing", folder: makeFolder() });
    const error = await small.supervisor.failed;
    expect(error).toMatchObject({
      exitCode: EXIT.configuration,
      message: "the pipeline process cannot run: bundle x has no model",
    });
  });

  it.each<[string, Parameters<typeof startSmall>[0], number, string]>([
    [
      "a bundle",
      { inference: { bundle: "stret" } },
      EXIT.configuration,
      'inference.bundle: there is no bundle "stret" in',
    ],
    [
      "a bundle of the wrong kind",
      { inference: { bundle: "bytetrack" } },
      EXIT.configuration,
      "is a bundle of kind analyze, expected kind detect",
    ],
    [
      "a directory that cannot be made",
      { directories: { runtime: "/proc/nightjar" } },
      EXIT.environment,
      "directories.runtime: /proc/nightjar",
    ],
    [
      "a directory whose sockets would have too long a name",
      { directories: { runtime: `/tmp/${"x".repeat(100)}`, bundles: "bundles" } },
      EXIT.configuration,
      "directories.runtime: ",
    ],
  ])("%s", async (_, changes, exitCode, message) => {
    const directories = { runtime: "run", state: "state", bundles: "bundles", ...changes?.directories };
    const error = await start({ ...changes, directories }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ExpectedError);
    expect(error).toMatchObject({ exitCode });
    expect((error as Error).message).toContain(message);
  });

  it("a label that the bundle does not have stops the start, with the nearest one", async () => {
    const started = start({ inference: { classThresholds: { persn: 0.5 } } });
    await expect(started).rejects.toThrow(
      'inference.classThresholds.persn: bundle street has no label "persn" (did you mean person?)',
    );
  });

  it("a bundle that is refused, in one line however often it is asked for", async () => {
    const log: LogEntry[] = [];
    const small = await start({}, { postprocess: "refusing-host", log });
    await untilPlaying(small, "gate");
    const refusals = log.filter(({ message }) => message.includes("half a model"));
    expect(refusals.map(({ level, message }) => ({ level, message }))).toEqual([
      {
        level: "error",
        message: "inference.bundle: bundle street cannot be used: model.file: m.onnx is half a model",
      },
    ]);
  });

  it("a bundle without labels, with the key and what to add", async () => {
    const log: LogEntry[] = [];
    const folder = makeFolder();
    writeFileSync(join(folder, "bundles/street/bundle.yaml"), "name: street\nversion: 1.0.0\nkind: detect\n");
    await start({}, { folder, log });
    const warnings = log.filter(({ level }) => level === "warn").map(({ message }) => message);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^inference\.bundle: street names no labels, .*add labels: \[car, person, …\] to .*bundle\.yaml/,
    );
  });

  it("another Nightjar on the same directories, and nothing else is said", async () => {
    const log: LogEntry[] = [];
    const small = await start();
    await expect(startSmall({}, { folder: small.folder, log })).rejects.toThrow("another Nightjar is already");
    expect(log).toEqual([]);
  });

  it("another Nightjar on the same directories", async () => {
    const small = await start();
    await expect(startSmall({}, { folder: small.folder })).rejects.toThrow("another Nightjar is already running on");
    expect(processOf(small, "supervisor")?.state).toBe("running");
  });

  it("a port that is taken", async () => {
    const small = await start();
    const { port } = new URL(small.supervisor.status().console ?? "");
    const taken = startSmall({ console: { listen: `127.0.0.1:${port}` } });
    await expect(taken).rejects.toThrow(`console.listen: 127.0.0.1:${port} is already in use by another program`);
  });
});

it("no child outlives a supervisor that is killed", async () => {
  const program = spawn(process.execPath, [join(import.meta.dirname, "supervisor-program.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  program.stdout.on("data", (chunk) => {
    text += chunk;
  });
  const pids = await waitUntil(
    "both children",
    () => {
      const line = text.split("\n").at(-2);
      const views = line === undefined ? [] : (JSON.parse(line) as ProcessView[]);
      const children = views.filter(({ name, state }) => name !== "supervisor" && state === "running");
      return children.length === 2 ? children.map(({ pid }) => pid ?? 0) : undefined;
    },
    15_000,
  );
  program.kill("SIGKILL");
  await waitUntil("the children to be gone", () => pids.every(isGone));
});
