/**
 * Writes docs/reference/metrics.md from the registry of the metrics.
 * With --check it writes nothing and fails when the page is out of date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { metricsPage } from "../services/metrics/docs.ts";

const file = join(import.meta.dirname, "../docs/reference/metrics.md");
const page = metricsPage();
const current = (() => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
})();
if (current !== page) {
  if (process.argv.includes("--check")) {
    console.error("docs/reference/metrics.md is out of date; run: node scripts/generate-metrics-docs.ts");
    process.exitCode = 1;
  } else {
    writeFileSync(file, page);
    console.error("wrote docs/reference/metrics.md");
  }
}
