/**
 * Writes docs/reference/metrics.md from the registry of the metrics.
 * With --check it writes nothing and fails when the page is out of date.
 */
import { metricsPage } from "../services/metrics/docs.ts";
import { writeOrCheck } from "./generated.ts";

writeOrCheck({ "docs/reference/metrics.md": metricsPage() }, "scripts/generate-metrics-docs.ts");
