/** What a support bundle holds: each part by itself, so that one that cannot be had does not keep the others out. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { Config } from "../../config/load.ts";
import { messageOf } from "../../log/errors.ts";
import { VERSION } from "../../supervisor/version.ts";
import type { Client } from "../client.ts";
import { output } from "../doctor/program.ts";

/** Longest part; of a longer one the end is kept. Bytes. */
const MAX_PART_BYTES = 2 * 1024 * 1024;
/** Files of the state directory that are listed. */
const MAX_LISTED = 5000;

export interface Part {
  readonly name: string;
  /** Text before anything is taken out of it. */
  text(): string | Promise<string>;
}

export interface CollectOptions {
  /** Undefined: no configuration was named; the defaults count. */
  readonly file: string | undefined;
  readonly config: Config;
  readonly client: Client;
  /** The doctor's report. */
  doctor(): Promise<unknown>;
}

export function parts({ file, config, client, doctor }: CollectOptions): Part[] {
  const json = (name: string, ask: () => unknown): Part => ({
    name: `${name}.json`,
    text: async () => `${JSON.stringify(await ask(), null, 2)}\n`,
  });
  const program = (name: string, command: string, ...args: string[]): Part => ({
    name: `${name}.txt`,
    text: async () => {
      const { ok, stdout, why } = await output(command, args);
      return ok ? `${stdout}\n` : `${command}: ${why}\n${stdout}\n`;
    },
  });
  const plain = (name: string, path: string): Part => ({ name: `${name}.txt`, text: () => readFileSync(path, "utf8") });
  return [
    json("versions", versions),
    json("doctor", doctor),
    ...(file === undefined ? [] : [{ name: "configuration/nightjar.yaml", text: () => readFileSync(file, "utf8") }]),
    json("configuration/effective", () => config),
    json("configuration/environment", () => Object.keys(process.env).sort()),
    json("running/status", () => client.call("status", {})),
    json("running/health", () => client.call("health", {})),
    json("running/machine", () => client.call("viewMachine", {})),
    json("running/bundles", () => client.call("listBundles", {})),
    json("running/update", () => client.call("updateStatus", {})),
    json("running/update-history", () => client.call("updateHistory", { limit: 500 })),
    json("running/dead-letters", () => client.call("deadLetters", { limit: 100 })),
    json("running/log", () => client.call("viewLog", { limit: 1000, level: "trace" })),
    program("journal", "journalctl", "--no-pager", "-o", "short-iso", "-n", "5000", "-u", "nightjar*"),
    program("units", "systemctl", "--no-pager", "--full", "status", "nightjar*"),
    { name: "state-files.txt", text: () => listing(config.directories.state) },
    json("state/deployments", () =>
      JSON.parse(readFileSync(join(config.directories.state, "deployments.json"), "utf8")),
    ),
    program("machine/kernel", "uname", "-a"),
    program("machine/kernel-log", "journalctl", "--no-pager", "-k", "-n", "500"),
    plain("machine/system", "/etc/os-release"),
    plain("machine/memory", "/proc/meminfo"),
    plain("machine/processors", "/proc/cpuinfo"),
    plain("machine/mounts", "/proc/self/mountinfo"),
    plain("machine/jetson", "/etc/nv_tegra_release"),
    program("machine/disks", "df", "-hT"),
    program("machine/gpu", "nvidia-smi", "-q"),
    program("machine/power", "nvpmodel", "-q"),
    program("machine/clock", "timedatectl", "show"),
    program("machine/gstreamer", "gst-inspect-1.0", "--version"),
    program(
      "machine/packages",
      "dpkg-query",
      "-W",
      "*gstreamer*",
      "*nvidia*",
      "*deepstream*",
      "*tensorrt*",
      "nightjar*",
    ),
  ];
}

/** The text of a part, or why there is none; never longer than a part may be. */
export async function contentOf(part: Part, mask: (text: string) => string): Promise<string> {
  const text = await Promise.resolve()
    .then(() => part.text())
    .catch((error: unknown) => `not available: ${messageOf(error)}\n`);
  const masked = mask(text);
  if (Buffer.byteLength(masked) <= MAX_PART_BYTES) return masked;
  return `(the beginning is left out)\n${Buffer.from(masked).subarray(-MAX_PART_BYTES).toString("utf8")}`;
}

function versions() {
  const { versions: runtime, arch, platform, execPath } = process;
  return { nightjar: VERSION, node: runtime.node, arch, platform, execPath, runtime };
}

/** Names, sizes, times and rights; no contents. */
function listing(directory: string): string {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const lines = entries.slice(0, MAX_LISTED).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const info = statSync(path, { throwIfNoEntry: false });
    if (info === undefined) return `${"dangling".padStart(40)}  ${relative(directory, path)}`;
    const { mode, size, mtime } = info;
    return `${(mode & 0o7777).toString(8).padStart(4, "0")} ${String(size).padStart(12)} ${mtime.toISOString()}  ${relative(directory, path)}`;
  });
  const more = entries.length > MAX_LISTED ? [`… and ${entries.length - MAX_LISTED} more`] : [];
  return `${directory}\n${[...lines, ...more].join("\n")}\n`;
}
