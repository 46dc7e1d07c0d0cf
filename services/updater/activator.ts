/** What the updater wants of whoever puts bundles into service. The transaction itself is theirs: beside, check, switch, watch. */

/** How a bundle is brought in. */
export interface ActivationPlan {
  /** ms that it runs unseen beside the old one first; 0: not */
  readonly shadowMs: number;
  /** ms that it is watched once it serves */
  readonly probationMs: number;
  /** Least agreement with the bundle before, 0..1; 0: not looked at. */
  readonly agreement: number;
  /** Least share of the frames looked at before that is still looked at, 0..1. */
  readonly frameRate: number;
}

/**
 * Where a bundle stands with its element.
 * before    it does not serve, and nothing is under way with it; the reason says how a try ended
 * changing  it is checked, or run unseen; it does not serve yet, or does not any more
 * probation it serves and is watched
 * serving   it serves
 * gone-back it served, was watched, and the one before serves again
 */
export type Place = "before" | "changing" | "probation" | "serving" | "gone-back";

export interface Standing {
  readonly place: Place;
  readonly reason: string;
  /** The same would happen again: it is not to be tried again by itself. */
  readonly isLasting: boolean;
}

export interface Activator {
  /** Names of the elements that take bundles. */
  elements(): readonly string[];
  /** Why the element cannot take a bundle now; undefined when it can. */
  notReady(element: string): string | undefined;
  /**
   * Begins to bring a bundle in; standing() says how that goes. When this returns, a restart goes on with it.
   * @throws ExpectedError when it may not be, now or ever
   */
  begin(element: string, directory: string, plan: ActivationPlan): void;
  standing(element: string, directory: string): Standing;
  /** The directory that serves; undefined when nothing of ours does. */
  serving(element: string): string | undefined;
  /** Back to what served before. @throws ExpectedError when there is nothing */
  rollback(element: string): void;
  /** A bundle that is tried again by somebody's wish. */
  forgive(element: string, directory: string): void;
  /** Directories that must stay: what serves, what served before, what is changing. */
  needed(): ReadonlySet<string>;
}
