// What a module may use, and which operators may run: what a bundle asks for, and never more than the machine's owner allows.

import type { BundleLimits, BundlePolicy } from "./bundle_schema.ts";

/** What the owner of this machine allows (`modules` of the configuration). What is absent is not bounded beyond the schema. */
export interface Allowance {
  /** Most, by the names of bundle.yaml's `limits`. */
  limits?: Partial<Readonly<Record<keyof BundleLimits, number>>>;
  policy?: {
    /** Most failures within the window. */
    reloads?: number;
    /** Shortest window, seconds: a short one forgets failures soon. */
    window?: number;
  };
  /** Operators that may run: names of bundles, or "sha256:…" of an operator's file. None when absent. */
  operators?: readonly string[];
}

export interface Bounded {
  limits: BundleLimits;
  policy: BundlePolicy;
  /** What was changed, for the log: "limits.objects from 300 to 100". */
  changed: string[];
}

/** A bundle's limits and policy, within what is allowed. */
export function bound(
  { limits, policy }: { limits: BundleLimits; policy: BundlePolicy },
  { limits: most = {}, policy: { reloads, window } = {} }: Allowance,
): Bounded {
  const changed: string[] = [];
  const within = (key: string, asked: number, low: number, high: number): number => {
    const given = Math.min(high, Math.max(low, asked));
    if (given !== asked) changed.push(`${key} from ${asked} to ${given}`);
    return given;
  };
  const entries = Object.entries(limits).map(([key, asked]) => {
    return [key, within(`limits.${key}`, asked, 0, most[key as keyof BundleLimits] ?? asked)];
  });
  return {
    limits: Object.fromEntries(entries) as BundleLimits,
    policy: {
      ...policy,
      reloads: within("policy.reloads", policy.reloads, 0, reloads ?? policy.reloads),
      window: within("policy.window", policy.window, window ?? 0, Number.POSITIVE_INFINITY),
    },
    changed,
  };
}

/** Whether the owner lets this operator run. `sha256`: of its file, hexadecimal. */
export function allowsOperator({ operators = [] }: Allowance, bundle: string, sha256: string): boolean {
  return operators.includes(bundle) || operators.includes(`sha256:${sha256}`);
}
