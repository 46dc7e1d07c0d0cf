// Nightjar for a long time in a bad world (test/support/soak.ts): one line a minute, one for each fault, a summary, and exit code 1
// when something was lost, grew or did not come back.
//
// usage: node scripts/soak.ts [--duration 24h] [--pause 60s] [--seed N]
import { parseArgs } from "node:util";
import { parseDuration } from "../services/config/units.ts";
import { Soak, type SoakRow, soakFaults } from "../test/support/soak.ts";

const { values } = parseArgs({
  options: {
    duration: { type: "string", default: "24h" },
    pause: { type: "string", default: "60s" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const [durationMs, pauseMs] = [values.duration, values.pause].map(parseDuration);
const seed = Number(values.seed);
if (durationMs === undefined || pauseMs === undefined || !Number.isInteger(seed)) {
  console.error("usage: node scripts/soak.ts [--duration 24h] [--pause 60s] [--seed NUMBER]");
  process.exit(2);
}

const mega = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

function tell(row: SoakRow): void {
  const parts = [
    `${Math.floor(row.elapsedMs / 86_400_000)} d ${clock(row.elapsedMs % 86_400_000)}`,
    `memory ${mega(row.residentBytes)}`,
    `descriptors ${row.descriptors}`,
    `disk ${mega(row.diskBytes)}`,
    `received ${row.received}`,
    `waiting ${row.queued}`,
    `missing ${row.missing}`,
    `faults ${row.faults}`,
    row.cameras,
  ];
  console.log(parts.join(" · "));
}

console.log(`${values.duration} with seed ${seed}`);
const soak = new Soak({
  durationMs,
  pauseMs,
  seed,
  rowMs: 60_000,
  onRow: tell,
  onFault: (text) => console.log(`  ${text}`),
});
const summary = await soak.run();
console.log(JSON.stringify(summary, undefined, 2));
const faults = soakFaults(summary);
for (const fault of faults) console.log(`✗ ${fault}`);
console.log(faults.length === 0 ? "✓ nothing lost, nothing grew, everything came back" : "✗ the soak failed");
process.exitCode = faults.length === 0 ? 0 : 1;
