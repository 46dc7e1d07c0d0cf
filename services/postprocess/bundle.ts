// A bundle from disk: bundle.yaml and the files that it names, checked. Nothing is started here.

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { type BundleFile, bundleSchema, type GoldenTolerance } from "./bundle_schema.ts";
import { unreadable } from "./file_errors.ts";
import { hashOfFile } from "./file_hash.ts";
import { Refusal, type RefusalCode } from "./refusal.ts";

const MAX_YAML_BYTES = 1024 * 1024;

/** A golden case with its files checked; absolute paths. */
export interface GoldenCase {
  input: string;
  expected: string;
  tolerance: GoldenTolerance;
}

export interface Bundle extends Omit<BundleFile, "labels" | "model" | "module" | "golden"> {
  directory: string;
  /** SHA-256 of bundle.yaml and of every file that it names: two bundles with the same are the same. */
  digest: string;
  /** Absolute; undefined for analyze bundles. */
  modelFile: string | undefined;
  /** SHA-256; "" without a model. */
  modelHash: string;
  /** Set when the element runs the model itself; `batch`: frames of one run, 0 for any number. */
  elementModel: { engine: string; batch: number; precision: string } | undefined;
  moduleFile: string;
  module: Buffer;
  /** By class id; empty when the bundle names none. */
  labels: readonly string[];
  golden: readonly GoldenCase[];
}

/** What the element asks for: a directory, or two files. */
export interface BundleRequest {
  /** Undefined: whatever the bundle is. */
  kind: "detect" | "analyze" | undefined;
  bundle?: string | undefined;
  model?: string | undefined;
  module?: string | undefined;
}

/** Throws Refusal that names the key. */
export async function loadBundle(request: BundleRequest): Promise<Bundle> {
  const bundle = request.bundle ? await loadDirectory(resolve(request.bundle)) : await loadFiles(request);
  if (request.kind === undefined || bundle.kind === request.kind) return bundle;
  const element = request.kind === "detect" ? "njinfer" : "njanalytics";
  throw new Refusal(
    "bundle",
    "kind",
    `${bundle.name} is a bundle of kind ${bundle.kind}, ${element} needs ${request.kind}`,
  );
}

async function loadDirectory(directory: string): Promise<Bundle> {
  const file = join(directory, "bundle.yaml");
  const text = (await read(file, MAX_YAML_BYTES, "bundle", "bundle")).toString();
  return assemble(directory, parse(text, file));
}

/** `model=… module=…`: a bundle with defaults, and the labels in labels.txt beside the model when there is one. */
async function loadFiles(request: BundleRequest): Promise<Bundle> {
  if (!request.module) throw new Refusal("bundle", "bundle", "set bundle=DIRECTORY, or model=FILE and module=FILE");
  if (request.kind === "detect" && !request.model) throw new Refusal("bundle", "model", "module is set: set model too");
  const directory = dirname(resolve(request.model ?? request.module));
  const labels = join(directory, "labels.txt");
  const hasLabels = request.model !== undefined && (await stat(labels).catch(() => undefined)) !== undefined;
  const contents = bundleSchema.parse({
    name: "files",
    version: "0.0.0",
    kind: request.kind ?? (request.model ? "detect" : "analyze"),
    ...(request.model && { model: { file: resolve(request.model) } }),
    module: { file: resolve(request.module) },
    ...(hasLabels && { labels: { file: labels } }),
  });
  return assemble("/", contents);
}

function parse(text: string, file: string): BundleFile {
  const document = parseDocument(text, { prettyErrors: true });
  const [problem] = document.errors;
  if (problem) throw new Refusal("bundle", "bundle.yaml", `${file}: ${problem.message.trim()}`);
  const result = bundleSchema.safeParse(document.toJS() ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = keyOf(issue);
  throw new Refusal(codeOf(key), key, `${file}: ${key}: ${issue?.message}`);
}

function keyOf(issue: z.core.$ZodIssue | undefined): string {
  const path = issue?.path.join(".") ?? "";
  if (issue?.code === "unrecognized_keys") return [path, issue.keys[0]].filter(Boolean).join(".");
  return path || "bundle.yaml";
}

function codeOf(key: string): RefusalCode {
  const [first] = key.split(".");
  return first === "model" || first === "module" || first === "parameters" || first === "limits" ? first : "bundle";
}

async function assemble(directory: string, contents: BundleFile): Promise<Bundle> {
  const { model, module, labels, golden, ...rest } = contents;
  const files = new Verified(directory);
  const modelFile = model && (await files.verify(model, "model"));
  const moduleFile = await files.verify(module, "module");
  const bundle = {
    ...rest,
    directory,
    modelFile,
    modelHash: modelFile ? files.hashOf(modelFile) : "",
    elementModel: elementModelOf(model),
    moduleFile,
    module: await files.readAsHashed(moduleFile, contents.limits["module-bytes"]),
    labels: Array.isArray(labels) ? labels : await readLabels(await files.verify(labels, "labels")),
    golden: await verifyGolden(files, golden),
  };
  return { ...bundle, digest: files.digest(contents) };
}

async function verifyGolden(files: Verified, cases: BundleFile["golden"]): Promise<GoldenCase[]> {
  const verified: GoldenCase[] = [];
  for (const [i, { input, expected, tolerance }] of cases.entries()) {
    verified.push({
      input: await files.verify(input, `golden.${i}.input`),
      expected: await files.verify(expected, `golden.${i}.expected`),
      tolerance,
    });
  }
  return verified;
}

/** The files of one bundle, each looked at before it is used. */
class Verified {
  readonly #directory: string;
  readonly #hashes = new Map<string, string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The absolute path of a file, after a look at its hash when the bundle carries one. `key`: of bundle.yaml. */
  async verify({ file, sha256 }: { file: string; sha256?: string | undefined }, key: string): Promise<string> {
    const path = resolve(this.#directory, file);
    const code = codeOf(key);
    if (this.#directory !== "/" && !path.startsWith(this.#directory + sep)) {
      throw new Refusal(code, `${key}.file`, `${file} lies outside of the bundle ${this.#directory}`);
    }
    const info = await stat(path).catch((error: Error) => {
      throw new Refusal(code, `${key}.file`, unreadable(path, error), { cause: error });
    });
    if (!info.isFile()) throw new Refusal(code, `${key}.file`, `${path} is not a file`);
    const found = await hashOfFile(path).catch((error: Error) => {
      throw new Refusal(code, `${key}.file`, unreadable(path, error), { cause: error });
    });
    this.#hashes.set(path, found);
    if (sha256 === undefined || found === sha256) return path;
    const advice = "the file was changed or is incomplete; install the bundle again";
    throw new Refusal(code, `${key}.sha256`, `${path} has SHA-256 ${found}, bundle.yaml says ${sha256}: ${advice}`);
  }

  /** The contents of the module's file: what was hashed and nothing else, for it is what runs. */
  async readAsHashed(path: string, limit: number): Promise<Buffer> {
    const contents = await read(path, limit, "module", "module.file");
    if (createHash("sha256").update(contents).digest("hex") === this.hashOf(path)) return contents;
    throw new Refusal("module", "module.file", `${path} was changed while it was read: try again`, {
      isLasting: false,
    });
  }

  hashOf(path: string): string {
    return this.#hashes.get(path) as string;
  }

  digest(contents: BundleFile): string {
    const hash = createHash("sha256").update(JSON.stringify(contents));
    for (const found of this.#hashes.values()) hash.update(found);
    return hash.digest("hex");
  }
}

async function readLabels(path: string): Promise<string[]> {
  const text = (await read(path, MAX_YAML_BYTES, "bundle", "labels.file")).toString();
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

async function read(path: string, limit: number, code: RefusalCode, key: string): Promise<Buffer> {
  const contents = await readFile(path).catch((error: Error) => {
    throw new Refusal(code, key, unreadable(path, error), { cause: error });
  });
  if (contents.length > limit) {
    throw new Refusal(code, key, `${path} has ${contents.length} bytes, at most ${limit} are allowed`);
  }
  return contents;
}

function elementModelOf(model: BundleFile["model"]): Bundle["elementModel"] {
  if (!model || model.engine === "onnx") return undefined;
  const { engine, batch, precision } = model;
  return { engine, batch, precision };
}
