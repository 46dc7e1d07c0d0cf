/** Which release is taken now, and what each channel waits for. */
import { EXIT, ExpectedError } from "../log/errors.ts";
import type { Activator } from "./activator.ts";
import type { Inventory } from "./inventory.ts";
import type { ListedRelease } from "./release.ts";
import { choose, unfit } from "./rollout.ts";
import { isOpen, msUntilOpen, windowsText } from "./schedule.ts";
import type { Walk } from "./tuf-client.ts";
import type { ChannelView, UpdaterOptions } from "./types.ts";

/** How soon it is looked whether an element can take a bundle that waits for it; ms. */
const READY_LOOK_MS = 60_000;

/** What somebody asked for: this release, whatever its rollout says. */
export interface Wish {
  readonly channel: string;
  readonly version: string | undefined;
}

export class Selection {
  readonly #options: UpdaterOptions;
  readonly #inventory: Inventory;
  readonly #activator: Activator;
  readonly #views = new Map<string, Pick<ChannelView, "available" | "reason">>();
  /** ms since 1970 at which something that waits may go on. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #clockReason = "";
  /** Why, by channel: its release failed to be fetched in this look. */
  readonly #skipped = new Map<string, string>();

  constructor(options: UpdaterOptions, inventory: Inventory, activator: Activator) {
    this.#options = options;
    this.#inventory = inventory;
    this.#activator = activator;
  }

  /** Why nothing can be called fresh; empty: it can. */
  get clockReason(): string {
    return this.#clockReason;
  }

  get wakeAt(): number {
    return this.#wakeAt;
  }

  /** A look begins: what waited is asked anew. */
  begin(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#skipped.clear();
  }

  /** Nothing of this channel is taken until the next look begins. */
  skip(channel: string, reason: string): void {
    this.#skipped.set(channel, reason);
  }

  view(channel: string): Pick<ChannelView, "available" | "reason"> {
    return this.#views.get(channel) ?? { available: null, reason: "" };
  }

  say(channel: string, available: string | null, reason: string): void {
    this.#views.set(channel, { available, reason });
  }

  /** The release to take now, over all channels. Says of each channel what there is. */
  select(releases: readonly ListedRelease[], walk: Walk, wish: Wish | undefined): ListedRelease | undefined {
    this.#clockReason = walk.clock.reason;
    if (wish !== undefined) return this.#wished(releases, walk, wish);
    let selected: ListedRelease | undefined;
    for (const channel of this.#options.channels) {
      const choice = choose(
        releases.filter((each) => each.channel === channel),
        this.#options.device,
        this.#inventory.facts(channel),
      );
      const available = choice.kind === "take" ? choice.release.version : null;
      const reason = choice.kind === "none" ? choice.reason : (this.#skipped.get(channel) ?? this.#whyWait(walk));
      this.say(channel, available, reason);
      if (choice.kind === "take" && reason === "") selected ??= choice.release;
    }
    return selected;
  }

  /** Why a release that is fetched is not brought in yet; empty: it may be. */
  whyNotNow(release: ListedRelease, element: string, isWished: boolean): string {
    return (isWished ? "" : this.#whyNotYet(release)) || this.#whyNotReady(element);
  }

  /** @throws ExpectedError when there is no such release, or it cannot run here */
  #wished(releases: readonly ListedRelease[], { clock }: Walk, { channel, version }: Wish): ListedRelease {
    const listed = releases.filter((each) => each.channel === channel);
    const found = version === undefined ? listed[0] : listed.find((each) => each.version === version);
    const refuse = (why: string) =>
      new ExpectedError(EXIT.configuration, `${channel} ${version ?? ""}`.trim() + `: ${why}`);
    if (found === undefined)
      throw refuse(`the repository has ${listed.map((each) => each.version).join(", ") || "no release of it"}`);
    const { installed, floor } = this.#inventory.facts(channel);
    if (!clock.isCertain) throw refuse(clock.reason);
    if (found.custom.releaseCounter < floor)
      throw refuse(
        `its counter ${found.custom.releaseCounter} is below ${floor}, which this device has had: publish the old content as a new version`,
      );
    const problem = found.custom.rollout.halt
      ? "its rollout is halted"
      : unfit(found, this.#options.device, installed?.version);
    if (problem !== undefined) throw refuse(problem);
    if (installed?.counter === found.custom.releaseCounter) throw refuse("it is installed");
    this.#inventory.forgive(found.sha256);
    return found;
  }

  #whyWait({ clock }: Walk): string {
    if (!clock.isCertain) return clock.reason;
    if (!this.#options.automatic) return "it waits for nightjar update install";
    const { downloadWindows } = this.#options;
    return isOpen(downloadWindows, new Date()) ? "" : this.#waitsFor("download", downloadWindows);
  }

  #waitsFor(what: string, windows: UpdaterOptions["downloadWindows"]): string {
    this.#wakeAt = Math.min(this.#wakeAt, Date.now() + msUntilOpen(windows, new Date()));
    return `it waits for the ${what} window ${windowsText(windows)}`;
  }

  /** Fetched, and to be brought in later. */
  #whyNotYet({ custom }: ListedRelease): string {
    const { notBefore } = custom.rollout;
    const { installWindows } = this.#options;
    if (notBefore !== undefined && Date.parse(notBefore) > Date.now()) {
      this.#wakeAt = Math.min(this.#wakeAt, Date.parse(notBefore));
      return `fetched; it waits until ${notBefore}`;
    }
    return isOpen(installWindows, new Date()) ? "" : `fetched; ${this.#waitsFor("install", installWindows)}`;
  }

  /** A device whose cameras are off says nothing about a release. */
  #whyNotReady(element: string): string {
    const reason = this.#activator.notReady(element);
    if (reason === undefined) return "";
    this.#wakeAt = Math.min(this.#wakeAt, Date.now() + READY_LOOK_MS);
    return `fetched; ${reason}`;
  }
}
