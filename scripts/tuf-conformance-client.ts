#!/usr/bin/env node
// Speaks the client protocol of TUF's public conformance suite (github.com/theupdateframework/tuf-conformance) with Nightjar's
// own client, so that the suite can be pointed at it:
//
//   pytest tuf_conformance --entrypoint "node <checkout>/scripts/tuf-conformance-client.ts"
//
// usage: tuf-conformance-client.ts --metadata-dir DIR init TRUSTED-ROOT
//        tuf-conformance-client.ts --metadata-dir DIR --metadata-url URL refresh
//        tuf-conformance-client.ts --metadata-dir DIR --metadata-url URL --target-name NAME --target-base-url URL --target-dir DIR download
//
// The suite reads and writes the trusted files in DIR itself, so that the generations, floors and the store of a device lie in
// DIR/.nightjar, and DIR shows the current generation. What the suite checks besides (rollback, freeze, …) is our client's.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../services/updater/clock.ts";
import type { Floor } from "../services/updater/database.ts";
import { UpdateFetcher } from "../services/updater/fetcher.ts";
import { filesIn, Generations } from "../services/updater/generations.ts";
import { Transport } from "../services/updater/transport.ts";
import { TufClient, type TufSession } from "../services/updater/tuf-client.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "metadata-dir": { type: "string" },
    "metadata-url": { type: "string" },
    "target-name": { type: "string" },
    "target-base-url": { type: "string" },
    "target-dir": { type: "string" },
    "max-root-rotations": { type: "string" },
  },
});
const [command, trustedRoot] = positionals;
const directory = values["metadata-dir"] ?? ".";
const transport = new Transport({ idleMs: 5000, rate: 0, userAgent: "nightjar-conformance" });

try {
  if (command === "init") initialise(trustedRoot ?? "");
  else if (command === "refresh") await visit(async () => {});
  else if (command === "download") await visit(download);
  else throw new Error(`there is no command "${command}"; there is init, refresh, download`);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  transport.close();
}

function initialise(file: string): void {
  mkdirSync(directory, { recursive: true });
  copyFileSync(file, join(directory, "root.json"));
}

async function visit(then: (session: TufSession, fetcher: UpdateFetcher) => Promise<void>): Promise<void> {
  const inner = join(directory, ".nightjar");
  rmSync(inner, { recursive: true, force: true });
  new Generations(inner).keep(filesIn(directory));
  let floors = new Map<string, Floor>();
  const client = new TufClient({
    directory: inner,
    metadataUrl: values["metadata-url"] ?? "",
    firstRoot: readFileSync(join(directory, "root.json")),
    // The suite keeps one directory per client and nothing else: the floors of the metadata itself are what it tests.
    floors: {
      floors: () => floors,
      trusted: 0,
      remember: (seen) => {
        floors = new Map(seen.floors ?? floors);
      },
    },
    clock: systemClock("system", 0),
    hasReleases: false,
    warn: (message) => console.error(message),
  });
  const fetcher = new UpdateFetcher(transport);
  const session = client.open(fetcher);
  try {
    await session.refresh();
    await then(session, fetcher);
  } finally {
    const work = join(inner, ".work");
    // What was verified before a fault is kept, as the specification says.
    if (existsSync(work)) cpSync(work, directory, { recursive: true });
    for (const name of readdirSync(directory)) {
      if (name.endsWith(".json") && !existsSync(join(work, name))) rmSync(join(directory, name));
    }
    rmSync(inner, { recursive: true, force: true });
  }
}

async function download(session: TufSession, fetcher: UpdateFetcher): Promise<void> {
  const name = values["target-name"] ?? "";
  const info = await session.target(name);
  if (info === undefined) throw new Error(`nobody has signed ${name}`);
  const to = join(values["target-dir"] ?? ".", encodeURIComponent(name));
  const [hash = ""] = Object.values(info.hashes);
  const sha256 = info.hashes["sha256"];
  const isThere = statSync(to, { throwIfNoEntry: false })?.size === info.length;
  if (isThere && sha256 !== undefined && createHash("sha256").update(readFileSync(to)).digest("hex") === sha256) return;
  const slash = name.lastIndexOf("/");
  const place = session.consistentSnapshot ? `${name.slice(0, slash + 1)}${hash}.${name.slice(slash + 1)}` : name;
  const base = values["target-base-url"] ?? "";
  const url = new URL(place, base.endsWith("/") ? base : `${base}/`).href;
  await fetcher.downloadFile(url, info.length, async (file) => {
    await info.verify(createReadStream(file));
    copyFileSync(file, to);
  });
}
