/** The program as packages carry it (JavaScript), laid out in a folder of its own; what is built is the checkout's. */
import { cpSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageServices } from "../../scripts/package-services.ts";

const ROOT = join(import.meta.dirname, "../..");
const PARTS = ["bin", "services", "sdk", "firmware/link", "wasm/sdk", "schemas", "package.json"];
const BUILT = ["node_modules", "build/addon", "build/bundles", "build/modules", "build/firmware"];

/** @returns the folder, to be removed by the caller; bin/nightjar in it wants NIGHTJAR_NODE */
export function packagedProgram(): string {
  const home = mkdtempSync(join(tmpdir(), "nightjar-package-"));
  for (const part of PARTS) cpSync(join(ROOT, part), join(home, part), { recursive: true });
  mkdirSync(join(home, "build"));
  for (const part of BUILT) symlinkSync(join(ROOT, part), join(home, part));
  packageServices(home);
  return home;
}
