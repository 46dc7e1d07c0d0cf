/** The processes as the status shows them. */
import type { ManagedProcess } from "./managed-process.ts";
import { UsageMeter } from "./process-usage.ts";
import type { ProcessView } from "./status.ts";

type AnyProcess = Pick<ManagedProcess<object, object>, "state" | "reason" | "pid" | "startedAt" | "restarts"> & {
  readonly spec: { readonly name: string };
};

export class ProcessViews {
  readonly #startedAt: number;
  readonly #own = new UsageMeter();
  readonly #children: readonly { readonly child: AnyProcess; readonly meter: UsageMeter }[];

  /** @param startedAt of this process, milliseconds since 1970 */
  constructor(startedAt: number, children: readonly AnyProcess[]) {
    this.#startedAt = startedAt;
    this.#children = children.map((child) => ({ child, meter: new UsageMeter() }));
  }

  look(): ProcessView[] {
    const now = performance.now();
    const own = this.#own.look(process.pid, now);
    const supervisor = { name: "supervisor", state: "running", reason: "", pid: process.pid, restarts: 0 } as const;
    return [
      { ...supervisor, startedAt: this.#startedAt, ...own },
      ...this.#children.map(({ child, meter }) => ({
        name: child.spec.name,
        state: child.state,
        reason: child.reason,
        pid: child.pid ?? null,
        startedAt: child.startedAt ?? null,
        restarts: child.restarts,
        ...meter.look(child.pid, now),
      })),
    ];
  }
}
