/** A small repository for a test: real keys, real metadata, on a server of this machine. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { DELEGATED_ROLES, ROLES, type Role, TOP_ROLES } from "../../../../services/updater/names.ts";
import type { Rollout } from "../../../../services/updater/release.ts";
import { addRelease, initialise, type NewRelease } from "../../../../services/updater/repository/changes.ts";
import type { RoleKeys } from "../../../../services/updater/repository/documents.ts";
import { generateKey, readSigner, type Signer } from "../../../../services/updater/repository/keys.ts";
import { publish } from "../../../../services/updater/repository/publish.ts";
import { DEFAULT_DAYS, type Workspace } from "../../../../services/updater/repository/workspace.ts";

export interface Thresholds extends Partial<Record<Role, readonly [keys: number, threshold: number]>> {}

/** In memory where that is possible: a sync costs nothing there, and these tests are about other things. */
const PLACE = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const PREFIX = "nightjar-updater-";
/** Of this process. Those of processes that were ended before they could tidy up go now. */
const OWN = join(PLACE, `${PREFIX}${process.pid}`);
for (const name of readdirSync(PLACE).filter((each) => each.startsWith(PREFIX))) {
  if (!existsSync(`/proc/${name.slice(PREFIX.length)}`)) rmSync(join(PLACE, name), { recursive: true, force: true });
}
process.once("exit", () => rmSync(OWN, { recursive: true, force: true }));

export function temporaryFolder(): string {
  mkdirSync(OWN, { recursive: true });
  return mkdtempSync(join(OWN, "test-"));
}

export class TestRepository {
  readonly folder = temporaryFolder();
  readonly workspace: Workspace;
  readonly signers: Map<Role, Signer[]>;
  #bundles = 0;

  private constructor(workspace: (folder: string) => Workspace, signers: Map<Role, Signer[]>) {
    this.signers = signers;
    this.workspace = workspace(join(this.folder, "repo"));
  }

  /** Initialised and published, without releases. */
  static async create(thresholds: Thresholds = {}): Promise<TestRepository> {
    const signers = new Map<Role, Signer[]>();
    const roles = {} as Record<Role, RoleKeys>;
    for (const role of ROLES) {
      const [count, threshold] = thresholds[role] ?? [1, 1];
      const own = Array.from({ length: count }, newSigner);
      signers.set(role, own);
      roles[role] = { keys: own.map(({ publicKey }) => publicKey), threshold };
    }
    const settings = { format: 1 as const, days: DEFAULT_DAYS };
    const repository = new TestRepository((folder) => initialise(folder, roles, settings), signers);
    await repository.publish();
    return repository;
  }

  get publicDirectory(): string {
    return this.workspace.publicDirectory;
  }

  /** Signs with every key of the test, and publishes. */
  publish(): ReturnType<typeof publish> {
    return publish(this.workspace, this.all());
  }

  all(): Signer[] {
    return [...new Set([...this.signers.values()].flat())];
  }

  get firstRoot(): Buffer {
    return readFileSync(join(this.publicDirectory, "metadata", "1.root.json"));
  }

  metadata(name: string): string {
    return join(this.publicDirectory, "metadata", name);
  }

  /** A directory that looks like a bundle. Its module is `content`. */
  bundle(
    version: string,
    { name = "street", kind = "detect", content = `module of ${version}`, model = "model" } = {},
  ): string {
    const directory = join(this.folder, `bundle-${this.#bundles++}`);
    mkdirSync(directory);
    const yaml = {
      name,
      version,
      kind,
      ...(kind === "detect" ? { model: { file: "model.onnx" } } : {}),
      module: { file: "module.wasm" },
    };
    writeFileSync(join(directory, "bundle.yaml"), stringify(yaml));
    writeFileSync(join(directory, "module.wasm"), content);
    if (kind === "detect") writeFileSync(join(directory, "model.onnx"), model);
    return directory;
  }

  /** Adds a release for everybody and publishes. */
  async release(
    version: string,
    options: Partial<NewRelease> & { rollout?: Partial<Rollout>; content?: string; model?: string } = {},
  ) {
    const { content, model, ...release } = options;
    const bundle = this.bundle(version, {
      ...(content === undefined ? {} : { content }),
      ...(model === undefined ? {} : { model }),
    });
    return this.releaseOf(bundle, release);
  }

  async releaseOf(bundle: string, options: Partial<NewRelease> = {}) {
    const manifest = addRelease(this.workspace, bundle, {
      channel: "street",
      ...options,
      rollout: { permyriad: 10_000, ...options.rollout },
    });
    await this.publish();
    return manifest;
  }
}

export function newSigner(): Signer {
  const folder = temporaryFolder();
  const file = join(folder, "key");
  writeFileSync(file, generateKey(undefined).privatePem);
  return readSigner(file, () => undefined);
}

export { DELEGATED_ROLES, TOP_ROLES };
