/** What the machine has to give: directories, disk, ports, file descriptors, devices, the broker. */
import { accessSync, constants, existsSync } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import type { Config } from "../../config/load.ts";
import { codeOf } from "../../log/errors.ts";
import { brokerFinding } from "./broker.ts";
import { type CheckGroup, type Finding, missing, ok, warning } from "./check.ts";

const MIN_DISK_BYTES = 200e6;
const MIN_DESCRIPTORS = 1024;

/** @param running a Nightjar runs with this configuration: its ports are taken by itself */
export function machine(config: Config, running: boolean): CheckGroup {
  return {
    title: "This machine",
    run: async () => [
      directoryFinding("runtime directory", config.directories.runtime),
      directoryFinding("state directory", config.directories.state),
      await diskFinding(config.directories.state),
      await descriptorsFinding(),
      await brokerOf(config, running),
      ...(config.console.enabled
        ? [await portFinding("console port", config.console.listen, "console.listen", running)]
        : []),
      ...deviceFindings(config),
    ],
  };
}

function directoryFinding(name: string, path: string): Finding {
  try {
    accessSync(nearestExisting(path), constants.W_OK);
    return ok(name, existsSync(path) ? path : `${path} (will be made)`);
  } catch (error) {
    const remedy = `let this user write it, or set directories.${name.split(" ")[0]}`;
    return missing(name, `${path} cannot be written (${codeOf(error)})`, remedy);
  }
}

/** The directory itself, or the one in which it would be made. */
function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path));
}

async function diskFinding(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(nearestExisting(path));
  const bytes = bavail * bsize;
  const found = `${(bytes / 1e9).toFixed(1)} GB free at ${path}`;
  return bytes >= MIN_DISK_BYTES ? ok("disk space", found) : missing("disk space", found, "make at least 200 MB free");
}

async function descriptorsFinding(): Promise<Finding> {
  const limits = await readFile("/proc/self/limits", "utf8");
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
  const found = `${soft} open files`;
  return soft >= MIN_DESCRIPTORS
    ? ok("limits", found)
    : warning("limits", found, "raise the limit to 1024: ulimit -n 1024");
}

function brokerOf(config: Config, running: boolean): Promise<Finding> {
  const { url, embedded } = config.mqtt;
  if (url !== undefined) return brokerFinding(config, url);
  return portFinding("embedded broker's port", embedded.listen, "mqtt.embedded.listen", running);
}

async function portFinding(name: string, listen: string, key: string, running: boolean): Promise<Finding> {
  if (running) return ok(name, `${listen}, used by the running Nightjar`);
  const why = await bindTo(listen);
  return why === undefined
    ? ok(name, `${listen} is free`)
    : missing(name, `${listen}: ${why}`, `end the program that has it, or set ${key}`);
}

function bindTo(listen: string): Promise<string | undefined> {
  const colon = listen.lastIndexOf(":");
  const host = listen.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) =>
      resolve(codeOf(error) === "EADDRINUSE" ? "already in use" : (codeOf(error) ?? error.message)),
    );
    server.listen({ host, port: Number(listen.slice(colon + 1)) }, () => server.close(() => resolve(undefined)));
  });
}

function deviceFindings({ cameras }: Config): Finding[] {
  return cameras.flatMap(({ id, source }) => {
    if (source.type === "v4l2")
      return [readableFinding(`camera ${id}`, source.device, "plug it in; add this user to the group video")];
    if (source.type !== "file" || /^[a-z]+:\/\//.test(source.path)) return [];
    return [readableFinding(`camera ${id}`, source.path, "check the path in its source")];
  });
}

function readableFinding(name: string, path: string, remedy: string): Finding {
  try {
    accessSync(path, constants.R_OK);
    return ok(name, path);
  } catch (error) {
    return warning(name, `${path} cannot be read (${codeOf(error)})`, remedy);
  }
}
