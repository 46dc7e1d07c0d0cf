// Prints the copyright file of a Debian package: Nightjar's licence, and that of each npm package under ROOT.
//
// usage: node scripts/package-copyright.ts ROOT
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly licenses?: readonly { readonly type: string }[];
  readonly author?: string | { readonly name: string };
}

const [root] = process.argv.slice(2);
if (root === undefined) {
  console.error("usage: node scripts/package-copyright.ts ROOT");
  process.exit(2);
}

const APACHE = "Apache-2.0";
const lines = [
  "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
  "Upstream-Name: Nightjar",
  "",
  "Files: *",
  "Copyright: 2026 the Nightjar developers",
  `License: ${APACHE}`,
];
const licences = new Set([APACHE]);

/** Not MIT alone: it contains V8, OpenSSL, ICU and others. Its LICENSE has them all. */
if (existsSync(join(root, "usr/lib/nightjar/node")))
  add("usr/lib/nightjar/node/*", "Node.js contributors and others", "Node");
for (const file of globSync("usr/lib/nightjar/**/node_modules/{*,@*/*}/package.json", { cwd: root }).sort()) {
  const manifest = JSON.parse(readFileSync(join(root, file), "utf8")) as Manifest;
  if (manifest.version === undefined) continue;
  add(file.replace(/package\.json$/, "*"), authorOf(manifest), licenceOf(manifest));
}
for (const licence of [...licences].sort()) lines.push("", `License: ${licence}`, ...textOf(licence));
console.log(lines.join("\n"));

function add(files: string, copyright: string, licence: string): void {
  licences.add(licence);
  lines.push("", `Files: ${files}`, `Copyright: ${copyright}`, `License: ${licence}`);
}

function authorOf({ author, name }: Manifest): string {
  const text = typeof author === "string" ? author : author?.name;
  return text === undefined || text === "" ? `the authors of ${name}` : text;
}

/** Debian's short names know neither parentheses nor capital OR. */
function licenceOf({ license, licenses, name }: Manifest): string {
  const found = license ?? licenses?.[0]?.type;
  if (found === undefined)
    throw new Error(`the npm package ${name} names no licence: add it here after reading its LICENSE`);
  return found.replace(/[()]/g, "").replaceAll(" OR ", " or ").replace(/^MIT$/, "Expat");
}

function textOf(licence: string): string[] {
  if (licence === APACHE) return [" On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0."];
  if (licence === "Node") return [" The texts are in /usr/lib/nightjar/node/LICENSE."];
  return [" The text is in the file LICENSE (or LICENCE, or README) of each package named above."];
}
