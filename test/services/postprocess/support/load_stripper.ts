// Node's own TypeScript compiler is a WebAssembly module. A host's main thread has it loaded before v8_limits.ts sets its
// flags; under Vitest nobody has, and the first worker would compile it for seconds under those flags. To be imported
// before v8_limits.ts.

import { stripTypeScriptTypes } from "node:module";

const { emitWarning } = process;
process.emitWarning = () => {};
stripTypeScriptTypes("");
process.emitWarning = emitWarning;
