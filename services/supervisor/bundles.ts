/** Finds bundles and reads the little of them that the supervisor needs: what kind they are and which labels they have. */
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { suggest } from "../config/suggest.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";

export interface BundleInfo {
  /** Absolute. */
  readonly directory: string;
  readonly name: string;
  readonly version: string;
  readonly kind: "detect" | "analyze";
  /** By class id; empty for analyze bundles. */
  readonly labels: readonly string[];
}

const manifestSchema = z.object({
  name: z.string(),
  version: z.coerce.string().default("0"),
  kind: z.enum(["detect", "analyze"]),
  labels: z.union([z.array(z.coerce.string()), z.object({ file: z.string() })]).default([]),
});

/**
 * The bundle behind a configuration value (a name, or an absolute path).
 * @param key the configuration key, for messages
 * @throws ExpectedError when there is none, or it is of another kind
 */
export function findBundle(value: string, kind: BundleInfo["kind"], key: string, bundlesDirectory: string): BundleInfo {
  const place = isAbsolute(value) ? value : join(bundlesDirectory, value);
  if (!existsSync(join(place, "bundle.yaml")))
    throw new ExpectedError(EXIT.configuration, missing(value, key, place, bundlesDirectory));
  // nightjar module build leaves a link to its newest bundle: what is used is the one that it points at now.
  const directory = isAbsolute(value) ? realpathSync(place) : place;
  const file = join(directory, "bundle.yaml");
  const manifest = readManifest(file, key);
  if (manifest.kind !== kind) {
    const message = `${key}: ${directory} is a bundle of kind ${manifest.kind}, expected kind ${kind}`;
    throw new ExpectedError(EXIT.configuration, message);
  }
  return { directory, ...manifest, labels: labelsOf(manifest.labels, directory, key) };
}

/** @throws ExpectedError when the file of the labels cannot be read. */
function labelsOf(labels: readonly string[] | { file: string }, directory: string, key: string): readonly string[] {
  if (!("file" in labels)) return labels;
  const file = join(directory, labels.file);
  try {
    return readFileSync(file, "utf8")
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== "");
  } catch (error) {
    const why = codeOf(error) === "ENOENT" ? "there is no such file" : (codeOf(error) ?? messageOf(error));
    const message = `${key}: labels.file: ${file} cannot be read: ${why}; put it there with one label in each line, or write labels: [car, …] in ${directory}/bundle.yaml`;
    throw new ExpectedError(EXIT.configuration, message, { cause: error });
  }
}

/** Names of the bundles in a directory. */
export function installedBundles(bundlesDirectory: string): string[] {
  if (!existsSync(bundlesDirectory)) return [];
  return readdirSync(bundlesDirectory).filter((name) => existsSync(join(bundlesDirectory, name, "bundle.yaml")));
}

/** The class id of a label. @throws ExpectedError that names the labels there are. */
export function classIdOf(label: string, bundle: BundleInfo, key: string): number {
  const id = bundle.labels.indexOf(label);
  if (id >= 0) return id;
  const near = suggest(label, bundle.labels);
  const hint = near === undefined ? `it has ${bundle.labels.join(", ")}` : `did you mean ${near}?`;
  throw new ExpectedError(EXIT.configuration, `${key}: bundle ${bundle.name} has no label "${label}" (${hint})`);
}

function readManifest(file: string, key: string): z.output<typeof manifestSchema> {
  try {
    return manifestSchema.parse(parse(readFileSync(file, "utf8")));
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? z.prettifyError(error).replaceAll("\n", " ")
        : messageOf(error).split("\n")[0]?.replace(/:$/, "");
    throw new ExpectedError(EXIT.configuration, `${key}: ${file} is not a bundle manifest: ${why}`, { cause: error });
  }
}

function missing(value: string, key: string, directory: string, bundlesDirectory: string): string {
  if (isAbsolute(value) && !existsSync(directory))
    return `${key}: there is no directory ${directory}; expected that of a bundle`;
  if (isAbsolute(value)) return `${key}: ${directory} has no bundle.yaml; expected the directory of a bundle`;
  if (!existsSync(bundlesDirectory))
    return `directories.bundles: there is no directory ${bundlesDirectory}; expected that of the installed bundles, with "${value}" in it (in a checkout, make build makes it)`;
  const names = installedBundles(bundlesDirectory);
  const near = suggest(value, names);
  const hint =
    near === undefined
      ? `installed there: ${names.join(", ") || "none (make build makes them)"}`
      : `did you mean ${near}?`;
  return `${key}: there is no bundle "${value}" in ${bundlesDirectory} (${hint})`;
}
