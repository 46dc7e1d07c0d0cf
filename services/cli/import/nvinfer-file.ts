/** Reads a configuration of Gst-nvinfer in either of its forms: a key file (`[property]`, `key=value`) or YAML. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { whyUnreadable } from "../../config/load.ts";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";

const EXPECTED = "expected a configuration of Gst-nvinfer, with a section [property]";

export interface NvinferFile {
  /** As it was named. */
  readonly path: string;
  /** Of [property], as text. */
  readonly property: ReadonlyMap<string, string>;
  /** [class-attrs-all] by "all", [class-attrs-3] by "3". */
  readonly classes: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Names of sections that nvinfer does not have. */
  readonly others: readonly string[];
}

type Sections = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** @throws ExpectedError that says what the file is instead */
export function readNvinferFile(path: string): NvinferFile {
  const text = textOf(path);
  expectNoServer(text, path);
  const sections = /\.ya?ml$/i.test(path) ? yamlSections(text, path) : keyFileSections(text, path);
  const property = sections.get("property");
  if (property === undefined) throw notOne(path, sections);
  const [key, element] = FOREIGN.find(([each]) => property.has(each)) ?? [];
  if (element !== undefined) throw refused(path, `found ${key}, a key of ${element}; ${EXPECTED}`);
  const classes = [...sections].flatMap(([name, keys]) => {
    const of = /^class-attrs-(all|\d+)$/.exec(name)?.[1];
    return of === undefined ? [] : ([[of, keys]] as const);
  });
  const others = [...sections.keys()].filter((name) => name !== "property" && !/^class-attrs-(all|\d+)$/.test(name));
  return { path, property, classes: new Map(classes), others };
}

/** A file that the configuration names: relative ones lie beside it. */
export function beside({ path }: NvinferFile, name: string): string {
  return resolve(dirname(path), name);
}

/** Keys of [property] that other elements have, and nvinfer has not. */
const FOREIGN: readonly (readonly [string, string])[] = [
  ["target-unique-ids", "Gst-nvdspreprocess"],
  ["network-input-shape", "Gst-nvdspreprocess"],
];

/** Gst-nvinferserver's configuration is protobuf's text. */
function expectNoServer(text: string, path: string): void {
  if (!/^\s*infer_config\s*\{/m.test(text)) return;
  throw refused(
    path,
    `it is of Gst-nvinferserver (Triton), which has no counterpart: models run on the device; ${EXPECTED}`,
  );
}

function refused(path: string, why: string): ExpectedError {
  return new ExpectedError(EXIT.configuration, `${path}: ${why}`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `${path}: ${whyUnreadable(error)}; ${EXPECTED}`, { cause: error });
  }
}

/** GLib's key file: comments are lines of their own, values go to the end of the line. */
function keyFileSections(text: string, path: string): Sections {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const title = /^\[(.+)\]$/.exec(line)?.[1]?.trim();
    const equals = line.indexOf("=");
    if (title !== undefined) {
      section = sections.get(title) ?? new Map();
      sections.set(title, section);
    } else if (equals > 0 && section !== undefined) {
      section.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
    } else {
      throw new ExpectedError(
        EXIT.configuration,
        `${path}:${index + 1}: found "${line}", expected key=value in a [section]`,
      );
    }
  }
  return sections;
}

function yamlSections(text: string, path: string): Sections {
  let value: unknown;
  try {
    // As yaml-cpp takes it: "%YAML:1.0" is no directive, and a key may be there twice.
    value = parse(text.replace(/^%.*$/gm, ""), { uniqueKeys: false });
  } catch (error) {
    const [problem] = messageOf(error).split("\n");
    throw new ExpectedError(EXIT.configuration, `${path}: not valid YAML: ${problem}`, { cause: error });
  }
  const maps = Object.entries(isMap(value) ? value : {}).filter((entry): entry is [string, object] => isMap(entry[1]));
  return new Map(
    maps.map(([name, keys]) => [name, new Map(Object.entries(keys).map(([key, each]) => [key, scalarOf(each)]))]),
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lists are written as in key files: with semicolons. */
function scalarOf(value: unknown): string {
  return Array.isArray(value) ? value.join(";") : String(value ?? "");
}

function notOne(path: string, sections: Sections): ExpectedError {
  const application = [...sections].find(
    ([name, keys]) => /^(primary|secondary)-gie/.test(name) && keys.has("config-file"),
  );
  const advice =
    application === undefined
      ? EXPECTED
      : `it is of deepstream-app: import what its ${application[0]} names instead, ${application[1].get("config-file")}`;
  const found = [...sections.keys()].join(", ") || "no section";
  return new ExpectedError(EXIT.configuration, `${path}: found ${found}; ${advice}`);
}
