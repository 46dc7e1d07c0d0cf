import { readFileSync } from "node:fs";
import { join } from "node:path";
import { INSTALLATION } from "../config/directories.ts";

/** Nightjar's version, from package.json. */
export const VERSION = (JSON.parse(readFileSync(join(INSTALLATION, "package.json"), "utf8")) as { version: string })
  .version;
