// Makes JavaScript of the program's TypeScript, in a folder that is to be packaged.
//
// usage: node scripts/package-services.ts HOME
// Types become blanks, so that lines and columns stay those of the sources. Without it, each process of a device, and each of
// its worker threads, would hold Node's reader of TypeScript (12 MB) for as long as it runs: the cache of compiled code that
// saves a developer from that is filled when a process ends, and those of a device do not end.
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = ["services/**/*.ts", "sdk/**/*.ts", "firmware/link/**/*.ts"];
/** Written into new projects as they are. */
const TEMPLATES = /\/modules\/templates\//;
/** Editors read them beside the JavaScript: whoever writes an operator has their types. */
const KEPT = /^sdk\//;

/** "./x.ts" as a whole text: what is imported, and programs of threads and processes by their place beside the file. */
const PLACE = /(["'`])((?:\.{1,2}\/)*[\w./-]+)\.ts\1/g;

/** @returns the files that were made, relative to `home` */
export function packageServices(home: string): string[] {
  const files = globSync(PROGRAM, { cwd: home }).filter((file) => !TEMPLATES.test(file) && !file.endsWith(".d.ts"));
  const made = files.map((file) => file.replace(/\.ts$/, ".js"));
  for (const [i, file] of files.entries()) {
    const path = join(home, file);
    const source = stripTypeScriptTypes(readFileSync(path, "utf8"));
    const isOurs = (place: string) => existsSync(join(dirname(path), `${place}.ts`)) && !TEMPLATES.test(place);
    const text = source.replace(PLACE, (whole, quote: string, place: string) =>
      isOurs(place) ? `${quote}${place}.js${quote}` : whole,
    );
    writeFileSync(join(home, made[i] ?? ""), text);
  }
  for (const file of globSync(PROGRAM, { cwd: home }))
    if (!KEPT.test(file) && !TEMPLATES.test(file)) rmSync(join(home, file));
  return made;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [home] = process.argv.slice(2);
  if (home === undefined) {
    console.error("usage: node scripts/package-services.ts HOME");
    process.exit(2);
  }
  console.log(`${packageServices(home).length} files of JavaScript in ${home}`);
}
