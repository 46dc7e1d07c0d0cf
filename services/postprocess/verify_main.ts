// Verifies one bundle as an activation would, without an element: hashes, schema, limits, ABI, start, golden cases.
// Prints one line of JSON, VerifyResult.
//
// usage: node services/postprocess/verify_main.ts DIRECTORY [--try INPUT] [--run-operator]
//
// --try: instead of the golden cases, says what comes out for that input.
// --run-operator: it may be an operator, which runs as whoever asked for this.

import "./v8_limits.ts";
import { parseArgs } from "node:util";
import { loadBundle } from "./bundle.ts";
import { Deployment } from "./deployment.ts";
import { checkGolden, type GoldenReport, goldenResult } from "./golden.ts";
import { Refusal } from "./refusal.ts";

export type VerifyResult =
  | {
      ok: true;
      name: string;
      version: string;
      kind: "detect" | "analyze";
      digest: string;
      /** Of the network's picture; null for analyze bundles. */
      input: { width: number; height: number } | null;
      labels: number;
      golden: GoldenReport;
      /** With --try: in the format of a golden case's expected file. */
      found?: object;
      /** What the module said. */
      log: string[];
      ms: number;
    }
  | { ok: false; key: string; message: string };

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { try: { type: "string" }, "run-operator": { type: "boolean", default: false } },
});
const result = await verify(positionals[0] ?? "").catch(refused);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(result.ok ? 0 : 1));

async function verify(directory: string): Promise<VerifyResult> {
  const began = performance.now();
  const log: string[] = [];
  const { kind, name: asked } = await loadBundle({ kind: undefined, bundle: directory });
  const allowance = values["run-operator"] ? { operators: [asked] } : {};
  const request = { kind, bundle: directory, batch: 1, slots: 2, generation: 1, threads: 0, allowance };
  const deployment = await Deployment.open(request, {
    state: () => {},
    incident: () => {},
    log: (level, text) => log.push(`${level}: ${text}`),
  });
  try {
    const found = values.try === undefined ? undefined : await goldenResult(deployment, values.try);
    const golden = found ? { cases: 0, ms: 0, skipped: "an input was tried" } : await checkGolden(deployment);
    const { name, version, digest, labels } = deployment.bundle;
    const { plan } = deployment;
    const input = plan ? { width: plan.width, height: plan.height } : null;
    const ms = Math.round(performance.now() - began);
    return {
      ok: true,
      name,
      version,
      kind,
      digest,
      input,
      labels: labels.length,
      golden,
      log,
      ms,
      ...(found && { found }),
    };
  } finally {
    await deployment.close();
  }
}

function refused(error: unknown): VerifyResult {
  if (error instanceof Refusal) return { ok: false, key: error.key, message: error.message };
  throw error;
}
