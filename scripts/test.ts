// Runs the test suites one after the other and closes with one line: 'N passed, N failed'.
//
// usage: node scripts/test.ts [SUITE …]      suites: lint, firmware, services (default: all)
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";

interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

const reports = "build/test-reports";

const suites: Record<string, () => Promise<Outcome>> = { lint, firmware, services };

/** Runs a command with its output on this terminal; returns its exit code. */
function run(command: string, args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(signal ? 128 : (code ?? 1)));
  });
}

async function lint(): Promise<Outcome> {
  const cpp = trackedFiles("*.cpp", "*.h");
  const checks: [string, string[]][] = [
    ["biome", ["check", "--error-on-warnings", "."]],
    ["tsc", ["--noEmit"]],
    ["tsc", ["--noEmit", "-p", "services/console"]],
    ["clang-format-14", ["--dry-run", "--Werror", ...cpp]],
  ];
  const outcome = { passed: 0, failed: 0, skipped: 0 };
  for (const [command, args] of checks) {
    const code = await run(command, args);
    if (code === 0) outcome.passed += 1;
    else outcome.failed += 1;
    console.log(`${code === 0 ? "✓" : "✗"} ${command} ${args[0]}`);
  }
  return outcome;
}

function trackedFiles(...patterns: string[]): string[] {
  const { stdout } = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns], {
    encoding: "utf8",
  });
  return stdout.split("\n").filter((name) => name !== "");
}

async function firmware(): Promise<Outcome> {
  await run("meson", ["test", "-C", "build/firmware", "--print-errorlogs"]);
  const lines = readFileSync("build/firmware/meson-logs/testlog.json", "utf8").trim().split("\n");
  const results = lines.map((line) => (JSON.parse(line) as { result: string }).result);
  const count = (...names: string[]): number => results.filter((result) => names.includes(result)).length;
  const passed = count("OK", "EXPECTEDFAIL");
  const skipped = count("SKIP");
  return { passed, skipped, failed: results.length - passed - skipped };
}

async function services(): Promise<Outcome> {
  const file = `${reports}/vitest.json`;
  rmSync(file, { force: true });
  const code = await run("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`]);
  const report = JSON.parse(readFileSync(file, "utf8")) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numFailedTestSuites: number;
  };
  // A file that does not even load counts as one.
  const failed =
    report.numFailedTests > 0 || code === 0 ? report.numFailedTests : Math.max(1, report.numFailedTestSuites);
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests };
}

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in suites));
if (unknown.length > 0) {
  console.error(`test: no such suite: ${unknown.join(", ")}; there are ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}
mkdirSync(reports, { recursive: true });
const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of chosen.length > 0 ? chosen : Object.keys(suites)) {
  console.log(`\n\u001b[1m▸ ${name}\u001b[0m`);
  const started = Date.now();
  const outcome = await suites[name]!();
  console.log(
    `  ${name}: ${outcome.passed} passed, ${outcome.failed} failed in ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
  total.passed += outcome.passed;
  total.failed += outcome.failed;
  total.skipped += outcome.skipped;
}
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
process.exitCode = total.failed > 0 ? 1 : 0;
