/** What is installed on this device, as the database says and as the elements say, and what may be thrown away. */
import type { Activator } from "./activator.ts";
import type { Installed, UpdateDatabase } from "./database.ts";
import type { ChannelFacts } from "./rollout.ts";
import type { ContentStore } from "./store.ts";

export class Inventory {
  readonly #db: UpdateDatabase;
  readonly #store: ContentStore;
  readonly #activator: Activator;

  constructor(db: UpdateDatabase, store: ContentStore, activator: Activator) {
    this.#db = db;
    this.#store = store;
    this.#activator = activator;
  }

  /** What of a channel runs already, and what must not. */
  facts(channel: string): ChannelFacts {
    const installed = this.#db.installed(channel);
    return {
      installed,
      floor: this.#db.counterFloor(channel),
      blocked: (sha256) => this.#db.attempt(sha256)?.blocked ?? undefined,
    };
  }

  /** Somebody wants a release although it failed. @param release SHA-256 of its manifest */
  forgive(release: string): void {
    this.#db.forgetAttempt(release);
  }

  /** A release that is not tried any more by itself. */
  block({ channel, version, sha256 }: { channel: string; version: string; sha256: string }, reason: string): void {
    const failures = this.#db.attempt(sha256)?.failures ?? 0;
    this.#db.setAttempt({ release: sha256, channel, version, failures, blocked: reason, at: Date.now() });
  }

  /**
   * What serves may have changed without us: by hand, or because a committed bundle failed later.
   * @param underWay the channel whose update is not resolved yet
   */
  reconcile(channels: readonly string[], underWay: string | undefined): void {
    const known = new Set([...channels, ...this.#db.channels()]);
    for (const channel of known) {
      const installed = this.#db.installed(channel);
      if (channel === underWay) continue;
      const serving = this.#activator.elements().map((element) => this.#activator.serving(element));
      const records = serving.flatMap((directory) =>
        directory === undefined ? [] : (this.#store.recordOf(directory) ?? []),
      );
      const found = records.find(({ directory }) => this.#store.channelOf(directory) === channel);
      if (found?.directory === installed?.directory) continue;
      // The same release in another place: the state directory was moved.
      if (installed !== undefined && found?.sha256 !== installed.sha256) this.#noteLoss(channel, installed);
      this.#db.setInstalled(channel, found);
    }
  }

  /** What no element and no channel needs any more goes. @param waiting directories of releases that wait for their time */
  clean(waiting: ReadonlySet<string>): void {
    const needed = new Set([...this.#activator.needed(), ...waiting]);
    for (const channel of this.#db.channels()) {
      const directory = this.#db.installed(channel)?.directory;
      if (directory !== undefined) needed.add(directory);
    }
    this.#store.clean(needed);
  }

  #noteLoss(channel: string, { version, sha256, element, directory }: Installed): void {
    const standing = this.#activator.standing(element, directory);
    const known = this.#db.attempt(sha256)?.blocked ?? undefined;
    const reason = known ?? (standing.reason || "another bundle was put into service");
    this.block({ channel, version, sha256 }, reason);
    this.#db.addHistory({ at: Date.now(), channel, version, state: "rolled-back", reason });
  }
}
