/** Our own parts: runtime, engine, addon, modules, bundles. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { INSTALLATION } from "../../config/directories.ts";
import { installedBundles } from "../../supervisor/bundles.ts";
import { VERSION } from "../../supervisor/version.ts";
import { type CheckGroup, type Finding, missing, ok } from "./check.ts";
import { output } from "./program.ts";

export function software(bundlesDirectory: string): CheckGroup {
  return {
    title: "Nightjar",
    run: async () => [
      ok("version", `${VERSION} in ${INSTALLATION}`),
      nodeFinding(),
      await loadFinding(
        "onnxruntime-node",
        `const o = require("onnxruntime-node"); console.log(o.env.versions.common)`,
        "npm ci",
      ),
      await addonFinding(),
      modulesFinding(),
      bundlesFinding(bundlesDirectory),
    ],
  };
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const found = `${process.version} (${process.execPath})`;
  const fits = major > 24 || (major === 24 && minor >= 21);
  return fits
    ? ok("Node", found)
    : missing("Node", found, "24.21 or newer is needed: run scripts/bootstrap, or set NIGHTJAR_NODE");
}

async function loadFinding(name: string, script: string, remedy: string): Promise<Finding> {
  const env = { ...process.env, NODE_PATH: join(INSTALLATION, "node_modules") };
  const { ok: works, stdout, why } = await output(process.execPath, ["-e", script], env);
  return works ? ok(name, stdout) : missing(name, why, remedy);
}

async function addonFinding(): Promise<Finding> {
  const file = join(INSTALLATION, "build", "addon", "link.node");
  if (!existsSync(file)) return missing("link addon", `there is no ${file}`, "build it: make build");
  return loadFinding(
    "link addon",
    `require(${JSON.stringify(file)}); console.log(${JSON.stringify(file)})`,
    "build it anew: make build",
  );
}

function modulesFinding(): Finding {
  const directory = join(INSTALLATION, "build", "modules");
  const modules = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith(".wasm")) : [];
  if (modules.length === 0) return missing("modules", `none in ${directory}`, "build them: make build");
  return ok("modules", modules.join(", "));
}

function bundlesFinding(directory: string): Finding {
  const bundles = installedBundles(directory);
  if (bundles.length === 0) return missing("bundles", `none in ${directory}`, "build them: make build");
  return ok("bundles", bundles.join(", "));
}
