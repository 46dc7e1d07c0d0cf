// What a module may use: what its bundle asks for, and never more than this machine's configuration allows.

import type { BundleLimits } from "./bundle_schema.ts";

/** Upper bounds by the names of bundle.yaml's `limits`; what is absent is not bounded beyond the schema. */
export type LimitBounds = Partial<Readonly<Record<keyof BundleLimits, number>>>;

export interface Bounded {
  limits: BundleLimits;
  /** What was lowered, for the log: "objects from 300 to 100". */
  lowered: string[];
}

/** `limits` with every value at most its bound. */
export function bound(limits: BundleLimits, bounds: LimitBounds): Bounded {
  const lowered: string[] = [];
  const entries = Object.entries(limits).map(([key, asked]) => {
    const most = bounds[key as keyof BundleLimits];
    if (most === undefined || asked <= most) return [key, asked];
    lowered.push(`${key} from ${asked} to ${most}`);
    return [key, most];
  });
  return { limits: Object.fromEntries(entries) as BundleLimits, lowered };
}
