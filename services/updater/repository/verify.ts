/** Looks at a published repository with a device's eyes: from the first root on, everything is fetched and checked. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import { UpdateDatabase } from "../database.ts";
import { Download } from "../download.ts";
import { UpdateFetcher } from "../fetcher.ts";
import { parseManifest } from "../release.ts";
import { ContentStore } from "../store.ts";
import { Transport } from "../transport.ts";
import { TufClient } from "../tuf-client.ts";

export interface VerifyReport {
  readonly versions: Readonly<Record<string, number>>;
  /** By role: ms since 1970. */
  readonly expires: Readonly<Record<string, number>>;
  readonly releases: readonly {
    readonly channel: string;
    readonly version: string;
    readonly files: number;
    readonly bytes: number;
  }[];
  /** Entries that devices of this version leave out. */
  readonly leftOut: readonly string[];
  readonly requests: number;
}

/**
 * @param url of the repository; file: for a directory
 * @param firstRoot the root that devices were shipped with
 * @throws UntrustedError, UnreachableError, WrongContentError: what a device would say
 */
export async function verify(url: string, firstRoot: Uint8Array): Promise<VerifyReport> {
  const directory = mkdtempSync(join(tmpdir(), "nightjar-verify-"));
  const transport = new Transport({ idleMs: 30_000, rate: 0, userAgent: "nightjar-verify" });
  const floors = new UpdateDatabase(directory);
  const leftOut: string[] = [];
  try {
    const base = url.endsWith("/") ? url : `${url}/`;
    const client = new TufClient({
      directory: join(directory, "metadata"),
      metadataUrl: `${base}metadata`,
      firstRoot,
      floors,
      clock: systemClock("system", 0),
      warn: (message) => void leftOut.push(message),
    });
    const fetcher = new UpdateFetcher(transport);
    const session = client.open(fetcher);
    await session.refresh();
    const store = new ContentStore(directory);
    const download = new Download(store, session, fetcher, `${base}targets`);
    const releases = [];
    for (const listed of session.releases()) {
      const manifest = parseManifest(await download.manifest(listed), listed);
      await download.files(manifest, () => {});
      const bytes = manifest.files.reduce((sum, { length }) => sum + length, 0);
      releases.push({ channel: manifest.channel, version: manifest.version, files: manifest.files.length, bytes });
    }
    return { ...client.known(), releases, leftOut, requests: transport.counts.requests };
  } finally {
    transport.close();
    floors.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
