import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "yaml";
import { type CameraInput, sourceInputOfUri } from "../../config/cameras.ts";
import { whyUnreadable } from "../../config/load.ts";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { CameraView } from "../../supervisor/status.ts";
import { Client } from "../client.ts";
import { type CommandSpec, isOn, textOf, type Values } from "../command.ts";
import { REACH_OPTIONS, socketOf } from "../options.ts";
import { table } from "../table.ts";

export const cameraList: CommandSpec = {
  name: "camera list",
  summary: "the cameras of the running Nightjar and how they are",
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const cameras = await new Client(socketOf(values)).call("listCameras", {});
    return { exitCode: EXIT.ok, text: listText(cameras), json: cameras };
  },
};

export const cameraAdd: CommandSpec = {
  name: "camera add",
  summary: "add a camera to the running Nightjar; it survives a restart",
  arguments: [
    { name: "[id]", description: "unique name of the camera" },
    { name: "[uri]", description: "rtsp://…, file:///…, a path, v4l2:///dev/video0, test:, or another URI" },
  ],
  options: [
    ...REACH_OPTIONS,
    { flags: "--name <name>", description: "name for people" },
    { flags: "--loop", description: "files: begin again at the end" },
    { flags: "--transport <transport>", description: "RTSP: tcp, udp, multicast or auto" },
    { flags: "--latency <duration>", description: "RTSP: jitter buffer, such as 200ms" },
    { flags: "--username <name>", description: "RTSP: user name at the camera" },
    { flags: "--password-file <file>", description: "RTSP: file with the password" },
    {
      flags: "--from <file>",
      description: "take the whole entry (YAML, as in the configuration) from a file; - is standard input",
    },
  ],
  json: true,
  run: async (values) => {
    const camera = await new Client(socketOf(values)).call("addCamera", entryOf(values) as Record<string, unknown>);
    return { exitCode: EXIT.ok, text: `camera ${camera.id} added: ${camera.source}`, json: camera };
  },
};

export const cameraRemove: CommandSpec = {
  name: "camera remove",
  summary: "remove a camera from the running Nightjar; it stays removed after a restart",
  arguments: [{ name: "<id>", description: "name of the camera" }],
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const answer = await new Client(socketOf(values)).call("removeCamera", { id: textOf(values, "id") ?? "" });
    return { exitCode: EXIT.ok, text: `camera ${answer.removed} removed`, json: answer };
  },
};

function entryOf(values: Values): CameraInput {
  const file = textOf(values, "from");
  const id = textOf(values, "id");
  const uri = textOf(values, "uri");
  if (file !== undefined) return { ...readEntry(file), ...(id === undefined ? {} : { id }) };
  if (id === undefined || uri === undefined) {
    throw new ExpectedError(
      EXIT.usage,
      "camera add wants an id and a URI (nightjar camera add front-door rtsp://HOST/PATH), or --from FILE",
    );
  }
  const name = textOf(values, "name");
  return { id, ...(name === undefined ? {} : { name }), source: sourceOf(uri, values) };
}

function sourceOf(uri: string, values: Values): NonNullable<CameraInput["source"]> {
  const source = /^[a-z][a-z0-9+.-]*:/.test(uri)
    ? sourceInputOfUri(uri)
    : { type: "file" as const, path: resolve(uri) };
  if (source === undefined)
    throw new ExpectedError(EXIT.usage, `"${uri}" is not a URI; expected rtsp://HOST/PATH or the like`);
  const given = {
    loop: isOn(values, "loop") ? true : undefined,
    transport: textOf(values, "transport"),
    latency: textOf(values, "latency"),
    username: textOf(values, "username"),
    password: passwordOf(values),
  };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  // Options that do not fit the kind of source are refused by the schema, with their name.
  return { ...source, ...Object.fromEntries(present) } as NonNullable<CameraInput["source"]>;
}

function passwordOf(values: Values): { file: string } | undefined {
  const file = textOf(values, "passwordFile");
  return file === undefined ? undefined : { file: resolve(file) };
}

function readEntry(file: string): CameraInput {
  const text = readEntryText(file);
  try {
    return parse(text) as CameraInput;
  } catch (error) {
    const why = messageOf(error).split("\n")[0];
    throw new ExpectedError(EXIT.usage, `--from ${file}: not valid YAML: ${why}`, { cause: error });
  }
}

function readEntryText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    const message = `--from ${file}: ${whyUnreadable(error)}; expected an entry as under cameras: in the configuration`;
    throw new ExpectedError(EXIT.usage, message, { cause: error });
  }
}

function listText(cameras: readonly CameraView[]): string {
  if (cameras.length === 0) return "there are no cameras; add one with: nightjar camera add ID URI";
  const rows = cameras.map((camera) => [
    camera.id,
    camera.state,
    camera.fps.toFixed(1),
    String(camera.objects.length),
    camera.origin,
    camera.source,
    camera.reason,
  ]);
  return table(["CAMERA", "STATE", "FPS", "OBJECTS", "ORIGIN", "SOURCE", "REASON"], rows);
}
