/** A TUF client of a test: it keeps its directory and its database from visit to visit. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../../services/updater/clock.ts";
import { UpdateDatabase } from "../../../../services/updater/database.ts";
import { UpdateFetcher } from "../../../../services/updater/fetcher.ts";
import { Transport, type TransportOptions } from "../../../../services/updater/transport.ts";
import { TufClient, type TufSession, type Walk } from "../../../../services/updater/tuf-client.ts";
import { temporaryFolder } from "./repository.ts";

export class Visitor {
  readonly folder = temporaryFolder();
  readonly warnings: string[] = [];
  readonly transport: Transport;
  clock: Clock = systemClock("system", 0);
  readonly #url: string;
  readonly #firstRoot: Uint8Array;

  constructor(url: string, firstRoot: Uint8Array, options: Partial<TransportOptions> = {}) {
    this.#url = url;
    this.#firstRoot = firstRoot;
    this.transport = new Transport({ idleMs: 5000, rate: 0, userAgent: "test", ...options });
    mkdirSync(this.folder, { recursive: true });
  }

  get metadata(): string {
    return join(this.folder, "metadata");
  }

  /** One visit, as after a start of the device. */
  async visit<Value = Walk>(more?: (session: TufSession, walk: Walk) => Promise<Value>): Promise<Value> {
    const floors = new UpdateDatabase(this.folder);
    try {
      const client = new TufClient({
        directory: this.metadata,
        metadataUrl: `${this.#url}metadata`,
        firstRoot: this.#firstRoot,
        floors,
        clock: this.clock,
        warn: (message) => void this.warnings.push(message),
      });
      const session = client.open(new UpdateFetcher(this.transport));
      const walk = await session.refresh();
      return more === undefined ? (walk as Value) : await more(session, walk);
    } finally {
      floors.close();
      // A test may take its server away.
      this.transport.close();
    }
  }
}
