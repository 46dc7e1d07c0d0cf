// Where the toolchain of modules lies in this installation: a checkout, or the package.

import { join } from "node:path";
import { INSTALLATION } from "../config/directories.ts";

export const SDK_DIRECTORY = join(INSTALLATION, "wasm", "sdk");
/** What a module imports it by. */
export const SDK_NAME = "nightjar";
/** Types of AssemblyScript for editors. */
export const EDITOR_TYPES = join(INSTALLATION, "node_modules", "assemblyscript", "std", "assembly.json");
export const TEMPLATES = join(import.meta.dirname, "templates");
