import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../../../services/log/errors.ts";
import { waitUntil } from "../../support/wait.ts";
import { type SmallSupervisor, startSmall } from "../supervisor/small-supervisor.ts";

const ROOT = join(import.meta.dirname, "../../..");
const NIGHTJAR = join(ROOT, "bin/nightjar");
const folder = mkdtempSync(join(tmpdir(), "nightjar-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function nightjar(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(NIGHTJAR, args, {
    encoding: "utf8",
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
  });
  return { code: status, stdout, stderr };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("without a running Nightjar", () => {
  it("help lists the commands and the exit codes", () => {
    const { code, stdout } = nightjar("--help");
    expect(code).toBe(EXIT.ok);
    for (const word of ["run", "validate", "doctor", "camera", "watch", "schema", "Exit codes:"])
      expect(stdout).toContain(word);
  });

  it.each([
    [["runn"], "unknown command 'runn'\n(Did you mean run?)"],
    [["run"], "required option '-c, --config <file>' not specified"],
    [["doctor", "--jsn"], "unknown option '--jsn'\n(Did you mean --json?)"],
    [
      ["run", "-c", "x", "--duration", "20"],
      '--duration: found "20", expected a duration of at most 24 days with its unit, such as 20s or 5min',
    ],
    [["run", "-c", "x", "--duration", "9999h"], '--duration: found "9999h"'],
    [["watch", "--types", "evnt"], '--types: there is no "evnt"'],
    [["watch", "--count", "0"], '--count: found "0"'],
  ])("%j is a wrong command line", (args, message) => {
    const { code, stdout, stderr } = nightjar(...args);
    expect(code).toBe(EXIT.usage);
    expect(stderr).toContain(message);
    expect(stdout).toBe("");
  });

  it("schema prints the JSON Schema", () => {
    const { code, stdout } = nightjar("schema");
    expect(code).toBe(EXIT.ok);
    expect(JSON.parse(stdout)).toMatchObject({
      title: "Nightjar configuration",
      type: "object",
      additionalProperties: false,
    });
  });

  it("validate tells every problem and ends with the configuration's code", () => {
    const path = file("bad.yaml", "version: 1\nmqtt: {qos: 2}\ncamras: []\n");
    const { code, stdout } = nightjar("validate", "-c", path);
    expect(code).toBe(EXIT.configuration);
    expect(stdout.trimEnd().split("\n")).toEqual([
      `${path}:2:13: mqtt.qos: found 2, expected 0 or 1`,
      `${path}:3:1: camras: unknown key (did you mean cameras?)`,
      `${path}: 2 problems`,
    ]);
  });

  it("validate --json gives the problems to programs", () => {
    const path = file("bad.yaml", "version: 1\nmqtt: {qos: 2}\n");
    const { code, stdout } = nightjar("validate", "-c", path, "--json");
    expect(code).toBe(EXIT.configuration);
    expect(JSON.parse(stdout)).toEqual({
      valid: false,
      file: path,
      warnings: [],
      problems: [{ key: "mqtt.qos", message: "found 2, expected 0 or 1", position: { line: 2, column: 13 } }],
    });
  });

  it("run refuses a wrong configuration before anything starts", () => {
    const path = file("bad.yaml", "version: 1\nmqtt: {qos: 2}\n");
    const { code, stderr } = nightjar("run", "-c", path);
    expect(code).toBe(EXIT.configuration);
    expect(stderr).toBe(`${path}:2:13: mqtt.qos: found 2, expected 0 or 1\n`);
  });

  it("run names a file that is not there", () => {
    const { code, stderr } = nightjar("run", "-c", "/nowhere.yaml");
    expect(code).toBe(EXIT.configuration);
    expect(stderr).toContain("/nowhere.yaml: there is no such file");
  });

  it("commands that need a running one say so", () => {
    const { code, stderr } = nightjar("camera", "list");
    expect(code).toBe(EXIT.unreachable);
    expect(stderr).toBe(
      `no Nightjar is running on ${folder}/nightjar/control.sock; start it with: nightjar run -c FILE (or name another with --socket)\n`,
    );
  });

  it("doctor finds the plugin that has been built", () => {
    const { stdout } = nightjar("doctor", "--json");
    const { groups } = JSON.parse(stdout) as { groups: { findings: { name: string; status: string }[] }[] };
    const plugin = groups.flatMap(({ findings }) => findings).find(({ name }) => name === "Nightjar's plugin");
    expect(plugin?.status).toBe("ok");
  });

  it("doctor looks at everything and gives each thing that is missing a remedy", () => {
    const { code, stdout } = nightjar("doctor", "--json");
    const report = JSON.parse(stdout) as {
      healthy: boolean;
      groups: { title: string; findings: { status: string; remedy: string }[] }[];
    };
    expect(report.groups.map(({ title }) => title)).toEqual(["Nightjar", "GStreamer", "Hardware", "This machine"]);
    expect(code).toBe(report.healthy ? EXIT.ok : EXIT.environment);
    const findings = report.groups.flatMap((group) => group.findings);
    expect(findings.length).toBeGreaterThan(15);
    for (const { status, remedy } of findings) expect(remedy === "").toBe(status === "ok");
  });
});

describe("with a running Nightjar", () => {
  let small: SmallSupervisor;
  let reach: string[];
  beforeAll(async () => {
    small = await startSmall();
    reach = ["--socket", small.supervisor.controlSocket];
    await waitUntil("a playing camera", () => small.supervisor.status().cameras[0]?.state === "playing", 25_000);
  });
  afterAll(() => small.end());

  /** Not spawnSync: the supervisor lives in this process and has to answer meanwhile. */
  async function ask(...args: string[]) {
    const child = spawn(NIGHTJAR, [...args, ...reach], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, stdout, stderr };
  }

  it("a second run on the same directories says that, and nothing else", async () => {
    const path = file(
      "second.yaml",
      `version: 1\ndirectories: {runtime: ${small.folder}/run, state: ${folder}/state, bundles: ${small.folder}/bundles}\n`,
    );
    const child = spawn(NIGHTJAR, ["run", "-c", path, "--plain"], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        said += chunk;
      });
    }
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    expect(said).toBe(
      `another Nightjar is already running on ${small.folder}/run/control.sock; stop it, or give this one its own directories.runtime\n`,
    );
    expect(code).toBe(EXIT.environment);
  });

  it("camera list shows the cameras", async () => {
    const { code, stdout } = await ask("camera", "list");
    expect(code).toBe(EXIT.ok);
    expect(stdout).toMatch(
      /^CAMERA +STATE +FPS +OBJECTS +ORIGIN +SOURCE +REASON\ngate +playing +20\.0 +2 +configuration +test smpte/,
    );
  });

  it("camera add and remove change them", async () => {
    const added = await ask(
      "camera",
      "add",
      "roof",
      "rtsp://h/p",
      "--transport",
      "udp",
      "--latency",
      "100ms",
      "--json",
    );
    expect(added).toMatchObject({ code: EXIT.ok, stderr: "" });
    expect(JSON.parse(added.stdout)).toMatchObject({ id: "roof", source: "rtsp rtsp://h/p" });
    expect(await ask("camera", "remove", "roof")).toEqual({
      code: EXIT.ok,
      stdout: "camera roof removed\n",
      stderr: "",
    });
    const again = await ask("camera", "remove", "roof");
    expect(again).toMatchObject({ code: EXIT.usage, stderr: 'there is no camera "roof"; known cameras: gate, yard\n' });
  });

  it("camera add refuses an option that does not fit the source", async () => {
    const { code, stderr } = await ask("camera", "add", "roof", "test:ball", "--latency", "100ms");
    expect(code).toBe(EXIT.configuration);
    expect(stderr).toContain("camera: source.latency: unknown key");
  });

  it("camera add takes a whole entry from a file", async () => {
    const entry = file("entry.yaml", "id: tower\nname: Tower\nsource: {type: test, pattern: ball}\n");
    expect(await ask("camera", "add", "--from", entry)).toMatchObject({
      code: EXIT.ok,
      stdout: "camera tower added: test ball\n",
    });
    await ask("camera", "remove", "tower");
  });

  it("status shows the view once", async () => {
    const { stdout } = await ask("status");
    expect(stdout).toContain("PROCESS");
    expect(stdout).toMatch(/Gate +● playing/);
    expect(stdout).not.toContain("\u001b");
  });

  it("watch shows news until it has seen enough", async () => {
    const watching = ask("watch", "--types", "objects", "--camera", "gate", "--count", "2", "--json");
    const { code, stdout } = await watching;
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { camera: string; type: string });
    expect(code).toBe(EXIT.ok);
    expect(lines.map(({ camera, type }) => `${camera} ${type}`)).toEqual(["gate objects", "gate objects"]);
  });
});
