/**
 * Children end when their channel to us closes. One that is stopped or stuck in a driver cannot, so their pids are kept in a file,
 * and the next start ends what is still there: two pipelines on one camera help nobody.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomically } from "./atomic-file.ts";
import { processStart } from "./process-usage.ts";

const fileSchema = z.array(z.object({ pid: z.number().int().positive(), startTicks: z.number() }));

export class Leftovers {
  readonly #file: string;

  constructor(runtimeDirectory: string) {
    this.#file = join(runtimeDirectory, "children.json");
  }

  /** Notes the children that there are now. */
  note(pids: readonly number[]): void {
    const entries = pids.flatMap((pid) => {
      const startTicks = processStart(pid);
      return startTicks === undefined ? [] : [{ pid, startTicks }];
    });
    writeFileAtomically(this.#file, JSON.stringify(entries));
  }

  /** Kills the children of an earlier run that are still there; a pid that was given to somebody else since is left alone. */
  end(): number[] {
    return this.#read().flatMap(({ pid, startTicks }) => {
      if (processStart(pid) !== startTicks) return [];
      process.kill(pid, "SIGKILL");
      return [pid];
    });
  }

  #read(): z.output<typeof fileSchema> {
    try {
      return fileSchema.parse(JSON.parse(readFileSync(this.#file, "utf8")));
    } catch {
      return [];
    }
  }
}
