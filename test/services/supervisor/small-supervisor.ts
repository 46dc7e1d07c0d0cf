/** A supervisor with small children of its own: real processes, sockets and broker, without video. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { stringify } from "yaml";
import { parseConfig } from "../../../services/config/load.ts";
import type { ConfigInput } from "../../../services/config/schema.ts";
import { type LogEntry, toEntry } from "../../../services/log/entry.ts";
import { Supervisor } from "../../../services/supervisor/supervisor.ts";

export interface SmallSupervisor {
  readonly folder: string;
  readonly supervisor: Supervisor;
  /** Stops it; with `keep` its directory stays for the next one. */
  end(keep?: "keep"): Promise<void>;
}

export const child = (name: string) => join(import.meta.dirname, "children", `${name}.ts`);

/**
 * @param folder of one that ended, to go on with its state
 * @param log gets what is logged
 */
export async function startSmall(
  changes: Partial<ConfigInput> = {},
  { pipeline = "steady", postprocess = "host", folder = makeFolder(), log = [] as LogEntry[] } = {},
): Promise<SmallSupervisor> {
  const input: ConfigInput = {
    version: 1,
    device: { id: "box", name: "Box" },
    cameras: [
      { id: "gate", name: "Gate", uri: "test:" },
      { id: "yard", uri: "test:ball" },
    ],
    mqtt: { embedded: { listen: "127.0.0.1:0" } },
    console: { listen: "127.0.0.1:0" },
    pipeline: { hangTimeout: "1s", stopTimeout: "2s", restart: { delay: "20ms", limit: 2 } },
    directories: { runtime: "run", state: "state", bundles: "bundles" },
    ...changes,
  };
  const config = parseConfig(stringify(input), join(folder, "nightjar.yaml"));
  const modules = { pipeline: child(pipeline), postprocess: child(postprocess) };
  const logger = pino({ level: "info" }, { write: (line) => void log.push(toEntry(line) as LogEntry) });
  const supervisor = new Supervisor({ config, logger, modules });
  const end = async (keep?: "keep") => {
    await supervisor.stop();
    if (keep === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    await supervisor.start();
  } catch (error) {
    await end("keep");
    throw error;
  }
  return { folder, supervisor, end };
}

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-small-"));
  makeBundle(folder, { name: "street", kind: "detect", labels: ["car", "bicycle", "person"] });
  makeBundle(folder, { name: "bytetrack", kind: "analyze" });
  return folder;
}

function makeBundle(folder: string, manifest: { name: string; kind: string; labels?: string[] }): void {
  const directory = join(folder, "bundles", manifest.name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "bundle.yaml"), stringify({ version: "1.0.0", ...manifest }));
}
