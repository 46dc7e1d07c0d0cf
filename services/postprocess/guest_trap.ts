// What a module that trapped tells its author: the message of its assertion, or the function in which it was.

/** A frame of V8's stack in WebAssembly code: `at NAME (wasm://wasm/HASH:wasm-function[12]:0x3a1)`. */
const WASM_FRAME = /^\s*at (?:([^\s(].*?) )?\(?wasm:\/\//;
/** Of the compiler's own functions; the author's are beneath. */
const LIBRARY = "~lib/";
/** AssemblyScript's allocator traps with `unreachable` where memory.grow fails. */
const ALLOCATOR = /^~lib\/rt\/(stub|tlsf)\//;

/**
 * The trap with more to read. `complaint`: the last error line that the module logged in this call, "" when it logged none;
 * the SDK's `abort` logs what was asserted, and where. Modules without names of functions (custom section "name") keep V8's words.
 */
export function explainedTrap(error: unknown, complaint: string): unknown {
  if (!(error instanceof WebAssembly.RuntimeError)) return error;
  const text = complaint || `${reasonOf(error)}${placeOf(error)}`;
  return text === error.message ? error : Object.assign(new WebAssembly.RuntimeError(text), { cause: error });
}

function reasonOf(error: Error): string {
  const [innermost = ""] = namesOf(error);
  if (!ALLOCATOR.test(innermost)) return error.message;
  return "no memory is left (limits.memory-pages): what is allocated for a frame is never given back";
}

function placeOf(error: Error): string {
  const names = namesOf(error);
  const name = names.find((candidate) => !candidate.startsWith(LIBRARY)) ?? names[0];
  return name === undefined ? "" : ` (in ${name})`;
}

/** Innermost first; functions without a name are left out. */
function namesOf({ stack = "" }: Error): string[] {
  return stack.split("\n").flatMap((line) => WASM_FRAME.exec(line)?.[1] ?? []);
}
