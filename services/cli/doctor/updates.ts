/** Updates over the air: the first root, what this device trusts, its certificate, and whether the repository answers. */
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config/load.ts";
import { messageOf } from "../../log/errors.ts";
import { configuredTransport } from "../../supervisor/configured-updater.ts";
import { systemClock } from "../../updater/clock.ts";
import { UpdateDatabase } from "../../updater/database.ts";
import { UpdateFetcher } from "../../updater/fetcher.ts";
import { expectSameRepository, type FirstRoot, readFirstRoot } from "../../updater/first-root.ts";
import { isDue } from "../../updater/provisioning/identity.ts";
import { shown } from "../../updater/transport.ts";
import { ExpiredError, TufClient, UntrustedError, type Walk } from "../../updater/tuf-client.ts";
import { type CheckGroup, type Finding, missing, ok, warning } from "./check.ts";

const ROOT = "copy public/metadata/1.root.json of the repository to where updates.root says";
const REACH = "correct updates, or look at the server; what runs goes on meanwhile";

/** @param repository of the configuration */
export function updates(config: Config, repository: string): CheckGroup {
  return {
    title: "Updates",
    run: async () => {
      const certificate = certificateFinding(config);
      const root = rootFinding(config);
      if (root.first === undefined) return [root.finding, ...certificate];
      return [
        root.finding,
        ...trustFinding(config, root.first),
        ...certificate,
        await repositoryFinding(config, repository, root.first),
      ];
    },
  };
}

function rootFinding({ updates }: Config): { readonly finding: Finding; readonly first?: FirstRoot } {
  try {
    const first = readFirstRoot(updates.root);
    const found = `version ${first.version} in ${updates.root}`;
    if (first.warnings.length === 0) return { finding: ok("updates.root", found), first };
    const remedy = "see docs/updates.md about keys and thresholds";
    return { finding: warning("updates.root", `${found}: ${first.warnings.join("; ")}`, remedy), first };
  } catch (error) {
    return { finding: missing("updates.root", messageOf(error), ROOT) };
  }
}

function trustFinding({ updates, directories }: Config, first: FirstRoot): Finding[] {
  try {
    const version = expectSameRepository(updates.root, first, join(directories.state, "updates"));
    return [ok("trusted root", version === undefined ? "none yet: nothing has been fetched" : `version ${version}`)];
  } catch (error) {
    return [missing("trusted root", messageOf(error), ROOT)];
  }
}

function certificateFinding({ updates: { tls } }: Config): Finding[] {
  if (tls.certificate === undefined) return [];
  const name = "updates.tls.certificate";
  const remedy = "renew it: nightjar device enrol";
  try {
    const certificate = new X509Certificate(readFileSync(tls.certificate));
    const until = `valid until ${certificate.validTo}`;
    if (Date.parse(certificate.validTo) < Date.now())
      return [missing(name, `expired on ${certificate.validTo}`, remedy)];
    return [isDue(certificate) ? warning(name, until, remedy) : ok(name, until)];
  } catch (error) {
    return [missing(name, `${tls.certificate}: ${messageOf(error)}`, remedy)];
  }
}

/** Walks the repository as a device that has just been unpacked; nothing of it is kept. */
async function repositoryFinding(config: Config, repository: string, { bytes }: FirstRoot): Promise<Finding> {
  const directory = mkdtempSync(join(tmpdir(), "nightjar-doctor-"));
  try {
    const walk = await walkFrom(config, repository, bytes, directory);
    const soonest = Math.min(...Object.values(walk.expires));
    const until = new Date(soonest).toISOString().slice(0, 16);
    return ok("repository", `${shown(repository)} answers and is signed until ${until}Z`);
  } catch (error) {
    const isDoubtful = error instanceof UntrustedError && !(error instanceof ExpiredError);
    const remedy = isDoubtful ? `is updates.root of this repository? ${ROOT}` : REACH;
    return missing("repository", messageOf(error), remedy);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function walkFrom(config: Config, repository: string, firstRoot: Buffer, directory: string): Promise<Walk> {
  const transport = configuredTransport(config);
  const floors = new UpdateDatabase(directory);
  try {
    const client = new TufClient({
      directory: join(directory, "metadata"),
      metadataUrl: `${repository.replace(/\/$/, "")}/metadata`,
      firstRoot,
      floors,
      clock: systemClock("system", 0),
      warn: () => {},
    });
    return await client.open(new UpdateFetcher(transport)).refresh();
  } finally {
    floors.close();
    transport.close();
  }
}
