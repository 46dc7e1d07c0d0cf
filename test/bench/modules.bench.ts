// The detect modules against C++, on one core: modules_run.ts says what is in the clock and how turns are taken.
//
// The head: 84 x 8400, 100 objects, about 650 candidates. A core of an Intel Xeon (Sapphire Rapids), other work on it: 0.19 ms with the
// copy, 0.69 ms for the plain C++ loop.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Figure, figures, type Measurement } from "./figures.ts";

const program = fileURLToPath(new URL("modules_run.ts", import.meta.url));
const CORE = "0";

interface Row {
  name: string;
  unit?: string;
  p50: number;
  p99?: number;
}

export function measure(): Promise<Measurement[]> {
  const output = execFileSync("taskset", ["-c", CORE, process.execPath, program], { encoding: "utf8" });
  const rows = JSON.parse(output) as Row[];
  const promised = new Set(figures.map((figure: Figure) => figure.name));
  for (const row of rows) console.error(`  ${describe(row)}`);
  return Promise.resolve(rows.filter(({ name }) => promised.has(name)).map(({ name, p50 }) => ({ name, value: p50 })));
}

function describe({ name, unit = "", p50, p99 }: Row): string {
  const tail = p99 === undefined ? "" : `, p99 ${p99.toFixed(1)}`;
  return `${name}: ${p50.toFixed(unit ? 1 : 3)}${tail} ${unit}`;
}
