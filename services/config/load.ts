/** Reads nightjar.yaml: every problem of the file at once, one line each. */
import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { LineCounter, type ParsedNode, parseDocument } from "yaml";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { type Camera, cameraSchema, type Source } from "./cameras.ts";
import { crossCheck, crossCheckCamera } from "./crosscheck.ts";
import { defaultBundlesDirectory, defaultRuntimeDirectory, defaultStateDirectory } from "./directories.ts";
import { configJsonSchema, type SchemaNode } from "./json-schema.ts";
import { migrateDocument } from "./migrations.ts";
import { expectation, formatProblem, type Locate, locateIn, type Problem, problemsOf } from "./problems.ts";
import { configSchema, type ParsedConfig } from "./schema.ts";
import type { SecretReference } from "./secrets.ts";
import { type Zone, zonesSchema } from "./zones.ts";

/** The configuration of a running Nightjar: all defaults filled in, all paths absolute. */
export interface Config
  extends Omit<ParsedConfig, "device" | "directories" | "mqtt" | "outbox" | "evidence" | "updates" | "console"> {
  /** The file it came from; absolute. */
  readonly file: string;
  readonly device: ParsedConfig["device"] & { readonly id: string; readonly name: string };
  readonly mqtt: ParsedConfig["mqtt"] & { readonly clientId: string; readonly topicPrefix: string };
  readonly outbox: ParsedConfig["outbox"] & { readonly directory: string };
  readonly evidence: ParsedConfig["evidence"] & { readonly directory: string };
  readonly updates: ParsedConfig["updates"] & { readonly root: string };
  readonly console: ParsedConfig["console"] & { readonly users: string };
  readonly directories: { readonly runtime: string; readonly state: string; readonly bundles: string };
}

export type { Camera, CameraInput, Place, Source } from "./cameras.ts";

/** The configuration is wrong: one line per problem. */
export class ConfigError extends ExpectedError {
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super(EXIT.configuration, problems.map((problem) => formatProblem(file, problem)).join("\n"));
    this.name = "ConfigError";
    this.file = file;
    this.problems = problems;
  }
}

/** @throws ConfigError with every problem of the file. */
export function loadConfig(file: string): Config {
  return parseConfig(readText(file), file);
}

/** The same for a text; `file` names it in messages, and its directory is the base of relative paths. */
export function parseConfig(text: string, file: string): Config {
  const { raw, locate } = parseYaml(text, file);
  const parsed = configSchema.safeParse(raw, { error: expectation });
  const problems = [...crossCheck(raw, locate), ...problemsOf(parsed.error?.issues ?? [], raw, schemaOnce, locate)];
  if (problems.length > 0) throw new ConfigError(file, inTextOrder(problems));
  return complete(parsed.data as ParsedConfig, resolve(file));
}

/**
 * One camera from a program (the control interface, the state file). Relative paths are relative to `base`.
 * @throws ConfigError whose "file" is `origin`.
 */
export function parseCamera(raw: unknown, origin: string, base: string): Camera {
  const nowhere: Locate = () => undefined;
  const parsed = cameraSchema.safeParse(raw, { error: expectation });
  const problems = [
    ...crossCheckCamera(raw, [], nowhere),
    ...problemsOf(parsed.error?.issues ?? [], raw, () => schemaOnce().properties?.cameras?.items ?? {}, nowhere),
  ];
  if (problems.length > 0) throw new ConfigError(origin, withoutRepeats(problems));
  return withAbsolutePaths(parsed.data as Camera, base);
}

/** The zones of one camera from a program. @throws ConfigError whose "file" is `origin`. */
export function parseZones(raw: unknown, origin: string): Zone[] {
  const nowhere: Locate = () => undefined;
  const parsed = zonesSchema.safeParse(raw, { error: expectation });
  if (parsed.success) return parsed.data;
  const schemaOfZones = () => schemaOnce().properties?.cameras?.items?.properties?.zones ?? {};
  const problems = problemsOf(parsed.error.issues, raw, schemaOfZones, nowhere);
  throw new ConfigError(
    origin,
    withoutRepeats(problems).map((problem) => ({ ...problem, key: `zones${problem.key}` })),
  );
}

let schema: SchemaNode | undefined;

/** Making it takes longer than reading a file, and it is wanted only to find the neighbours of an unknown key. */
function schemaOnce(): SchemaNode {
  schema ??= configJsonSchema();
  return schema;
}

const WHY_UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EACCES: "this user may not read it (EACCES)",
};

/** "there is no such file", from the system's error. */
export function whyUnreadable(error: unknown): string {
  const code = codeOf(error) ?? "";
  return WHY_UNREADABLE[code] ?? `it cannot be read (${code || messageOf(error)})`;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(file, [
      { key: "", message: `${whyUnreadable(error)}; expected a configuration, such as demo/nightjar.yaml` },
    ]);
  }
}

function parseYaml(text: string, file: string): { raw: unknown; locate: Locate } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  // What comes after the first fault is mostly its consequence.
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    const message = `not valid YAML: ${oneLine(error.message)}`;
    throw new ConfigError(file, [{ position: { line, column: col }, key: "", message }]);
  }
  migrateDocument(document);
  const raw: unknown = withoutEmptyKeys(valuesOf(document, file)) ?? {};
  return { raw, locate: locateIn(document.contents as ParsedNode | null, lines) };
}

/** Aliases are followed here: one without its anchor, or so many that they are meant to fill the memory, is a fault of the file. */
function valuesOf(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    const message = `not valid YAML: ${oneLine(messageOf(error))}`;
    throw new ConfigError(file, [{ key: "", message }]);
  }
}

/** `key:` with nothing behind it is the same as no key: a section of which everything is commented out. */
function withoutEmptyKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyKeys);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutEmptyKeys(inner)]));
}

function oneLine(message: string): string {
  const line = message.split("\n")[0] ?? message;
  return line.charAt(0).toLowerCase() + line.slice(1);
}

function inTextOrder(problems: readonly Problem[]): Problem[] {
  const rank = ({ position }: Problem) => (position === undefined ? 0 : position.line * 100_000 + position.column);
  return withoutRepeats(problems).sort((a, b) => rank(a) - rank(b));
}

/** Two rules may find the same fault; the first wording stays. */
function withoutRepeats(problems: readonly Problem[]): Problem[] {
  return problems.filter((problem, i) => problems.findIndex((other) => other.key === problem.key) === i);
}

function complete(parsed: ParsedConfig, file: string): Config {
  const base = dirname(file);
  const absolute = (path: string) => absolutePath(path, base);
  const id = parsed.device.id ?? hostIdentifier();
  const { log, mqtt, directories } = parsed;
  const state = absolute(directories.state ?? defaultStateDirectory(process.env, file));
  return {
    ...parsed,
    file,
    device: { ...parsed.device, id, name: parsed.device.name ?? id },
    cameras: parsed.cameras.map((camera) => withAbsolutePaths(camera, base)),
    inference: { ...parsed.inference, bundle: bundlePath(parsed.inference.bundle, base) },
    tracking: { ...parsed.tracking, bundle: bundlePath(parsed.tracking.bundle, base) },
    zones: { ...parsed.zones, bundle: bundlePath(parsed.zones.bundle, base) },
    rules: parsed.rules.map((rule) => ({ ...rule, bundle: bundlePath(rule.bundle, base) })),
    mqtt: {
      ...mqtt,
      clientId: mqtt.clientId ?? `nightjar-${id}`,
      topicPrefix: mqtt.topicPrefix ?? `nightjar/${id}`,
      ...(mqtt.password === undefined ? {} : { password: absoluteSecret(mqtt.password, base) }),
      tls: {
        ...mqtt.tls,
        ...(mqtt.tls.ca === undefined ? {} : { ca: absolute(mqtt.tls.ca) }),
        ...(mqtt.tls.certificate === undefined ? {} : { certificate: absolute(mqtt.tls.certificate) }),
        ...(mqtt.tls.key === undefined ? {} : { key: absolute(mqtt.tls.key) }),
      },
    },
    outbox: { ...parsed.outbox, directory: absolute(parsed.outbox.directory ?? join(state, "outbox")) },
    evidence: { ...parsed.evidence, directory: absolute(parsed.evidence.directory ?? join(state, "evidence")) },
    updates: {
      ...parsed.updates,
      root: absolute(parsed.updates.root ?? "root.json"),
      tls: mapPaths(parsed.updates.tls, absolute),
    },
    console: {
      ...parsed.console,
      users: absolute(parsed.console.users ?? join(state, "users.json")),
      tls: {
        ...parsed.console.tls,
        ...mapPaths({ certificate: parsed.console.tls.certificate, key: parsed.console.tls.key }, absolute),
      },
    },
    telemetry: {
      otlp: {
        ...parsed.telemetry.otlp,
        ...mapPaths({ headers: parsed.telemetry.otlp.headers }, absolute),
      },
    },
    pipeline: { ...parsed.pipeline, deepstream: withAbsoluteTracker(parsed.pipeline.deepstream, base) },
    log: { ...log, ...(log.file === undefined ? {} : { file: absolute(log.file) }) },
    directories: {
      runtime: absolute(directories.runtime ?? defaultRuntimeDirectory(process.env, file)),
      state,
      bundles: absolute(directories.bundles ?? defaultBundlesDirectory()),
    },
  };
}

/** The host name with everything that may not stand in an identifier replaced. */
function hostIdentifier(): string {
  const id = hostname()
    .replaceAll(/[^A-Za-z0-9_-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63);
  return id === "" ? "nightjar" : id;
}

/** A name stays a name; a path (with a slash in it) becomes absolute. */
function bundlePath(bundle: string, base: string): string {
  return bundle.includes("/") ? absolutePath(bundle, base) : bundle;
}

/** Every path of a section that has nothing else. */
function mapPaths<Section extends Readonly<Record<string, string | undefined>>>(
  section: Section,
  absolute: (path: string) => string,
): Section {
  const set = Object.entries(section).flatMap(([key, path]) => (path === undefined ? [] : [[key, absolute(path)]]));
  return Object.fromEntries(set) as Section;
}

function withAbsoluteTracker<T extends ParsedConfig["pipeline"]["deepstream"]>(deepstream: T, base: string): T {
  const { trackerConfig, trackerLibrary } = deepstream;
  return {
    ...deepstream,
    ...(trackerConfig === undefined ? {} : { trackerConfig: absolutePath(trackerConfig, base) }),
    ...(trackerLibrary === undefined ? {} : { trackerLibrary: absolutePath(trackerLibrary, base) }),
  };
}

function withAbsolutePaths(camera: Camera, base: string): Camera {
  return { ...camera, source: sourceWithAbsolutePaths(camera.source, base) };
}

function sourceWithAbsolutePaths(source: Source, base: string): Source {
  if (source.type === "file" || source.type === "images") return { ...source, path: absolutePath(source.path, base) };
  if (source.type !== "rtsp") return source;
  const { password, tls } = source;
  return {
    ...source,
    tls: tls.ca === undefined ? tls : { ...tls, ca: absolutePath(tls.ca, base) },
    ...(password === undefined ? {} : { password: absoluteSecret(password, base) }),
  };
}

function absoluteSecret<T extends SecretReference>(secret: T, base: string): T {
  return secret.file === undefined ? secret : { ...secret, file: absolutePath(secret.file, base) };
}

/** Relative ones are relative to `base`; "~/" is the user's home directory. */
function absolutePath(path: string, base: string): string {
  if (path.startsWith("~/")) return join(homedir(), path.slice(2));
  return isAbsolute(path) ? path : join(base, path);
}
