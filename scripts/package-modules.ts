// Copies the npm packages that a device needs into a folder, without what only building and installing need.
//
// usage: node scripts/package-modules.ts amd64|arm64 OUT
// The packages come from node_modules of the checkout, chosen by package-lock.json; native parts of node-gtk are not among
// them (scripts/package puts the one of the architecture there).
import { cpSync, existsSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";

interface LockEntry {
  readonly dependencies?: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dirname, "..");

/** Dependencies of a package that its code does not load at run time. */
const NOT_AT_RUN_TIME: Readonly<Record<string, readonly string[]>> = {
  // To compile the addon, and to look for it where it is not.
  "node-gtk": ["@mapbox/node-pre-gyp", "nan", "node-gyp"],
  // To download GPU libraries.
  "onnxruntime-node": ["adm-zip", "global-agent"],
  // For its own command line.
  mqtt: ["commist", "help-me", "minimist"],
};

/** Of each package, folders and files that are not needed where it runs; programs that would want a Node in PATH are among them. */
const NOT_COPIED: Readonly<Record<string, readonly string[]>> = {
  "node-gtk": ["src", "build", "tools", "scripts", "bin", "binding.gyp", "lib/binding"],
  // wasm-opt and others: the compiler uses the library.
  binaryen: ["bin"],
  // Bundles for browsers; Node takes build/.
  mqtt: ["dist", "src", "build/bin"],
  zod: ["src"],
  assemblyscript: ["bin"],
  pino: ["bin.js", "docs"],
  yaml: ["bin.mjs"],
};

/** Types, maps, pages, tests and settings of editors: nothing loads them. The compiler of modules is itself given types, and reads them. */
const NEVER = /\.(map|md|markdown|mts|cts|html)$|\.d\.ts$|\/\.[^/]+|\/(test|tests|example|examples|benchmarks?)(\/|$)/;
/** Everything twice, for require and for import: we import. (prom-client requires the api.) */
const IMPORTED = /^@opentelemetry\/(?!api$)/;
const LICENCE = /(^|\/)(licen[cs]e|copying|notice|thirdparty)[^/]*$/i;
const WITH_TYPES = new Set(["assemblyscript"]);

const [architecture, out] = process.argv.slice(2);
if ((architecture !== "amd64" && architecture !== "arm64") || out === undefined) {
  console.error("usage: node scripts/package-modules.ts amd64|arm64 OUT");
  process.exit(2);
}
const onnxFolder = { amd64: "x64", arm64: "arm64" }[architecture];

const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
  packages: Record<string, LockEntry>;
};
const wanted = new Set<string>();
collect("", Object.keys(lock.packages[""]?.dependencies ?? {}));
for (const path of [...wanted].sort()) copy(path);

/** Adds what `from` depends on, each with its own dependencies. */
function collect(from: string, names: readonly string[]): void {
  for (const name of names) {
    const path = resolve(from, name);
    if (path === undefined || wanted.has(path)) continue;
    wanted.add(path);
    const left = NOT_AT_RUN_TIME[name] ?? [];
    const next = Object.keys(lock.packages[path]?.dependencies ?? {});
    collect(
      path,
      next.filter((each) => !left.includes(each) && !each.startsWith("@types/")),
    );
  }
}

/** Where Node finds a package from another: in its own node_modules, or in one further up. */
function resolve(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (lock.packages[path] !== undefined) return path;
    if (folder === "") return undefined;
  }
}

function copy(path: string): void {
  const source = join(ROOT, path);
  if (!existsSync(source)) throw new Error(`${path} is not installed: run scripts/bootstrap`);
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const left = NOT_COPIED[name] ?? [];
  cpSync(source, join(out as string, path), {
    recursive: true,
    filter: (file) => {
      const inside = relative(source, file);
      if (inside === "") return true;
      if (basename(inside) === "node_modules") return false;
      if (left.some((each) => inside === each || inside.startsWith(`${each}/`))) return false;
      if (name === "onnxruntime-node" && isOtherPlatform(inside)) return false;
      if (IMPORTED.test(name) && inside.endsWith(".cjs")) return false;
      return WITH_TYPES.has(name) || LICENCE.test(inside) || !NEVER.test(`/${inside}`);
    },
  });
}

/** bin/napi-v6/<system>/<processor>/… */
function isOtherPlatform(inside: string): boolean {
  const [bin, , system, processor] = inside.split("/");
  if (bin !== "bin" || system === undefined) return false;
  return system !== "linux" || (processor !== undefined && processor !== onnxFolder);
}
