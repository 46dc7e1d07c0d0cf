import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { INSTALLATION } from "../../config/directories.ts";
import { codeOf, EXIT, ExpectedError } from "../../log/errors.ts";
import { type CommandSpec, type Result, textOf, type Values } from "../command.ts";
import { type Conversion, convert, type Remark } from "../import/nvinfer-bundle.ts";
import { readNvinferFile } from "../import/nvinfer-file.ts";

export const importNvinfer: CommandSpec = {
  name: "import nvinfer-config",
  summary: "make a bundle of a configuration of Gst-nvinfer, and say what has no counterpart",
  arguments: [{ name: "<file>", description: "the configuration: config_infer_primary.txt, or .yml" }],
  options: [
    { flags: "-o, --out <directory>", description: "where the bundle goes (default: named after the file, here)" },
    {
      flags: "--module <name>",
      description: "the module that decodes, instead of the one that the configuration suggests",
    },
    { flags: "--dry-run", description: "write nothing; only say what would become of each key" },
  ],
  json: true,
  run: (values) => importFile(textOf(values, "file") ?? "", values),
};

function importFile(file: string, values: Values): Result {
  const directory = resolve(textOf(values, "out") ?? nameFrom(file));
  const conversion = convert(readNvinferFile(file), { name: nameFrom(directory), module: textOf(values, "module") });
  const isDry = values.dryRun === true;
  if (!isDry) write(directory, conversion);
  const json = { directory: isDry ? null : directory, ...conversion };
  return { exitCode: EXIT.ok, text: report(file, isDry ? undefined : directory, conversion), json };
}

/** "config_infer_primary_yolo11.txt" becomes "yolo11", as bundles are named. */
function nameFrom(file: string): string {
  const stem = basename(file)
    .replace(/\.(txt|ya?ml|ini|cfg)$/i, "")
    .replace(/^(dstest\d*_?)?(pgie_?|sgie\d*_?)?(config_?)?(infer_?)?(primary_?|secondary_?)?/i, "");
  const name = stem
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+|_?config$/g, "")
    .slice(0, 64);
  return name === "" ? "imported" : name;
}

function write(directory: string, { bundle, model, module }: Conversion): void {
  if (existsSync(directory))
    throw new ExpectedError(EXIT.usage, `${directory} is there already: name another place with --out`);
  if (!existsSync(model.from)) {
    throw new ExpectedError(
      EXIT.configuration,
      `${model.from}: there is no such file; expected the model that the configuration names (--dry-run goes without it)`,
    );
  }
  try {
    mkdirSync(directory, { recursive: true });
    copyFileSync(model.from, join(directory, model.name));
    copyFileSync(join(INSTALLATION, "build", "modules", `${module}.wasm`), join(directory, `${module}.wasm`));
    writeFileSync(join(directory, "bundle.yaml"), stringify(bundle, { lineWidth: 120 }));
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    throw new ExpectedError(EXIT.environment, `${directory} cannot be written (${codeOf(error)})`, { cause: error });
  }
}

function report(file: string, directory: string | undefined, conversion: Conversion): string {
  const { bundle, inference, element, remarks } = conversion;
  const properties = Object.entries(element)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
  const place = directory === undefined ? undefined : relative(".", directory) || ".";
  return [
    place === undefined ? `${file}: what its bundle.yaml would be` : `${place}/bundle.yaml, made of ${file}`,
    "",
    indented(stringify(bundle, { lineWidth: 120 })),
    "in nightjar.yaml",
    indented(stringify({ inference })),
    "or in a pipeline of your own",
    indented(`njinfer ${properties}`),
    ...remarksText("differs, or has no counterpart", remarks, "loss"),
    ...remarksText("good to know", remarks, "note"),
    ...(place === undefined ? [] : [`next: nightjar bundle verify ${place}`]),
  ].join("\n");
}

function remarksText(title: string, remarks: readonly Remark[], kind: Remark["kind"]): string[] {
  const lines = remarks.filter((remark) => remark.kind === kind).map(({ key, text }) => `  ${key}: ${text}`);
  return lines.length === 0 ? [] : [title, ...lines, ""];
}

function indented(text: string): string {
  return text.trimEnd().replace(/^/gm, "  ").concat("\n");
}
