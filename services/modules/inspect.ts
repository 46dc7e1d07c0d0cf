// What a module is: from its file, and from itself.

import "../postprocess/v8_limits.ts";
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { ABI_MAJOR, ABI_MINOR } from "../postprocess/module_abi.ts";
import type { Manifest } from "../postprocess/module_file.ts";
import { bounded } from "../postprocess/wasm_binary.ts";
import type { ProbeAnswer } from "./probe_worker.ts";
import { readWasm, type WasmInfo } from "./wasm_info.ts";

export interface Inspection extends WasmInfo {
  file: string;
  /** "1.1"; "" when it cannot be asked. */
  abi: string;
  kind: "detect" | "analyze" | "";
  /** Why a host would refuse it; empty: it would not. */
  problems: string[];
}

const PROBE_MS = 5000;
const PROBE_PAGES = 1024;
const REQUIRED = ["memory", "nj_abi", "nj_kind", "nj_alloc", "nj_init", "nj_configure", "nj_process"];
const KINDS = ["", "detect", "analyze"] as const;

/** @throws ExpectedError when it cannot be read or is no WebAssembly module */
export async function inspectModule(file: string): Promise<Inspection> {
  const binary = await readFile(file).catch((error: unknown) => {
    throw new ExpectedError(EXIT.configuration, `${file} cannot be read: ${messageOf(error)}`);
  });
  const info = readWasm(binary, file);
  const problems = staticProblems(info);
  const answer = problems.length > 0 ? undefined : await probe(binary);
  if (answer && "error" in answer) problems.push(answer.error);
  const asked = answer && "abi" in answer ? answer : undefined;
  const kind = KINDS[asked?.kind ?? 0] ?? "";
  if (asked && asked.abi >>> 16 !== ABI_MAJOR) {
    problems.push(`it was built for another major version of the ABI; this Nightjar speaks ${ABI_MAJOR}.${ABI_MINOR}`);
  }
  if (info.manifest && kind && info.manifest.kind !== kind) {
    problems.push(`its manifest says ${info.manifest.kind}, the module itself ${kind}`);
  }
  return { file, abi: asked ? `${asked.abi >>> 16}.${asked.abi & 0xffff}` : "", kind, problems, ...info };
}

function staticProblems({ imports, exports }: WasmInfo): string[] {
  const foreign = imports.filter((name) => name !== "function nightjar.log");
  const missing = REQUIRED.filter((name) => !exports.includes(name));
  return [
    ...(foreign.length > 0 ? [`it imports ${foreign.join(", ")}; only the function nightjar.log may be imported`] : []),
    ...(missing.length > 0 ? [`it does not export ${missing.join(", ")}`] : []),
  ];
}

async function probe(binary: Buffer): Promise<ProbeAnswer> {
  let code: Uint8Array<ArrayBuffer>;
  try {
    code = bounded(new Uint8Array(binary), PROBE_PAGES);
  } catch (error) {
    return { error: messageOf(error) };
  }
  const worker = new Worker(new URL("./probe_worker.ts", import.meta.url), { workerData: code });
  try {
    return await new Promise<ProbeAnswer>((resolve) => {
      setTimeout(() => resolve({ error: `it did not start within ${PROBE_MS} ms` }), PROBE_MS).unref();
      worker.once("message", resolve);
      worker.once("error", (error) => resolve({ error: messageOf(error) }));
    });
  } finally {
    await worker.terminate();
  }
}

/** For people. */
export function inspectionText(inspection: Inspection): string {
  const { file, bytes, abi, kind, memory, imports, exports, manifest, sections, problems } = inspection;
  const pages =
    memory &&
    `${memory.minimum} pages of 64 KiB at first, ${memory.maximum === undefined ? "no maximum of its own" : `at most ${memory.maximum}`}`;
  const optional = ["nj_block", "nj_save", "nj_restore"].filter((name) => exports.includes(name));
  const largest = sections.slice(0, 3).map(({ name, bytes: size }) => `${name} ${size}`);
  return [
    `${file}: ${manifest ? `${manifest.name} ${manifest.version}` : "no manifest"}`,
    ...(manifest ? [`  ${manifest.description}`] : []),
    `  kind     ${kind || "?"}, ABI ${abi || "?"}${optional.length > 0 ? `, with ${optional.join(", ")}` : ""}`,
    `  size     ${bytes} bytes (${largest.join(", ")})`,
    `  memory   ${pages ?? "none"}`,
    `  imports  ${imports.join(", ") || "nothing"}`,
    ...(manifest ? parameterLines(manifest) : []),
    ...problems.map((problem) => `  refused: ${problem}`),
  ].join("\n");
}

function parameterLines({ parameters }: Manifest): string[] {
  const entries = Object.entries(parameters);
  if (entries.length === 0) return ["  parameters  none"];
  return [
    "  parameters",
    ...entries.map(([name, given]) => `    ${name}: ${rangeOf(given)}. ${given.description.trim()}`),
  ];
}

function rangeOf(given: Manifest["parameters"][string]): string {
  const standard = given.default === undefined ? "" : `, default ${JSON.stringify(given.default)}`;
  if ("minimum" in given) {
    return `${given.type} ${given.minimum} to ${given.maximum}${given.unit ? ` ${given.unit}` : ""}${standard}`;
  }
  if (given.type === "text" && given.values) return `${given.values.join(" or ")}${standard}`;
  return `${given.type}${standard}`;
}
