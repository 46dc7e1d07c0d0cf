// Has Node's reader of TypeScript ready before v8_limits.ts sets its flags: it is a WebAssembly module itself. Where Node's
// cache of compiled sources has the files of the main thread but not those of a worker, the worker would compile it under these
// flags: 4 s of processor time instead of 0.1 s, a minute on a busy machine. To be imported before v8_limits.ts.

import { stripTypeScriptTypes } from "node:module";

const { emitWarning } = process;
// It says that it is experimental; so it does of each file that is run.
process.emitWarning = () => {};
stripTypeScriptTypes("");
process.emitWarning = emitWarning;
