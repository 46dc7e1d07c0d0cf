// A bundle from disk: bundle.yaml and the files that it names, checked. Nothing is started here.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { type BundleFile, bundleSchema } from "./bundle_schema.ts";
import { Refusal, type RefusalCode } from "./refusal.ts";

const MAX_YAML_BYTES = 1024 * 1024;

export interface Bundle extends Omit<BundleFile, "labels" | "model" | "module"> {
  directory: string;
  /** Absolute; undefined for analyze bundles. */
  modelFile: string | undefined;
  moduleFile: string;
  module: Buffer;
  /** By class id; empty when the bundle names none. */
  labels: readonly string[];
}

/** What the element asks for: a directory, or two files. */
export interface BundleRequest {
  kind: "detect" | "analyze";
  bundle?: string | undefined;
  model?: string | undefined;
  module?: string | undefined;
}

/** Throws Refusal that names the key. */
export async function loadBundle(request: BundleRequest): Promise<Bundle> {
  const bundle = request.bundle ? await loadDirectory(resolve(request.bundle)) : await loadFiles(request);
  if (bundle.kind === request.kind) return bundle;
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
    kind: request.kind,
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
  const { model, module, labels, ...rest } = contents;
  const modelFile = model && (await verified(directory, model, "model"));
  const moduleFile = await verified(directory, module, "module");
  return {
    ...rest,
    directory,
    modelFile,
    moduleFile,
    module: await read(moduleFile, contents.limits["module-bytes"], "module", "module.file"),
    labels: Array.isArray(labels) ? labels : await readLabels(await verified(directory, labels, "labels")),
  };
}

/** The absolute path of a file of the bundle, after a look at its hash when the bundle carries one. */
async function verified(
  directory: string,
  entry: { file: string; sha256?: string | undefined },
  part: "model" | "module" | "labels",
): Promise<string> {
  const code = part === "labels" ? "bundle" : part;
  const path = resolve(directory, entry.file);
  if (directory !== "/" && !path.startsWith(directory + sep)) {
    throw new Refusal(code, `${part}.file`, `${entry.file} lies outside of the bundle ${directory}`);
  }
  const info = await stat(path).catch((error: Error) => {
    throw new Refusal(code, `${part}.file`, `${path} cannot be read: ${error.message}`, { cause: error });
  });
  if (!info.isFile()) throw new Refusal(code, `${part}.file`, `${path} is not a file`);
  if (entry.sha256) await checkHash(path, entry.sha256, code, part);
  return path;
}

async function checkHash(path: string, expected: string, code: RefusalCode, part: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const found = hash.digest("hex");
  if (found === expected) return;
  throw new Refusal(
    code,
    `${part}.sha256`,
    `${path} has SHA-256 ${found}, bundle.yaml says ${expected}: the file was changed or is incomplete; install the bundle again`,
  );
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
    throw new Refusal(code, key, `${path} cannot be read: ${error.message}`, { cause: error });
  });
  if (contents.length > limit) {
    throw new Refusal(code, key, `${path} has ${contents.length} bytes, at most ${limit} are allowed`);
  }
  return contents;
}
