/** What a run would refuse of `updates`, found without starting it. */
import { join } from "node:path";
import type { Config } from "../config/load.ts";
import { ExpectedError } from "../log/errors.ts";
import { configuredTransport } from "../supervisor/configured-updater.ts";
import { expectSameRepository, readFirstRoot } from "../updater/first-root.ts";

export interface UpdateCheck {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Looks at the first root, at what this device trusts by now, and at the certificates. Touches nothing. */
export function checkUpdates(config: Config): UpdateCheck {
  const problems: string[] = [];
  const warnings: string[] = [];
  const attempt = (look: () => void) => {
    try {
      look();
    } catch (error) {
      if (!(error instanceof ExpectedError)) throw error;
      problems.push(error.message);
    }
  };
  attempt(() => {
    const { root } = config.updates;
    const first = readFirstRoot(root);
    warnings.push(...first.warnings.map((warning) => `updates.root: ${root}: ${warning}`));
    if (first.expires < Date.now()) warnings.push(expiredText(root, first.expires));
    expectSameRepository(root, first, join(config.directories.state, "updates"));
  });
  attempt(() => configuredTransport(config).close());
  return { problems, warnings };
}

function expiredText(root: string, at: number): string {
  return `updates.root: ${root} expired on ${new Date(at).toISOString().slice(0, 10)}: it still leads to newer roots of its repository; ship the newest one with new devices`;
}
