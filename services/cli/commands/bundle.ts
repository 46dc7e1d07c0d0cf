import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { ShadowReport } from "../../postprocess/shadow.ts";
import type { VerifyResult } from "../../postprocess/verify_main.ts";
import type { BundlesView, BundleView, ElementView } from "../../supervisor/deployments/control.ts";
import { Client } from "../client.ts";
import { type CommandSpec, isOn, type OptionSpec, type Result, textOf, type Values } from "../command.ts";
import { durationOption, REACH_OPTIONS, socketOf } from "../options.ts";
import { table } from "../table.ts";

const BUNDLE = {
  name: "<bundle>",
  description: "name of an installed bundle, or the path of a directory (with a slash)",
};
const ELEMENT: OptionSpec = {
  flags: "--element <name>",
  description: "infer (the detector) or tracker; default: what the bundle's kind fits",
};
const PARAMETER: OptionSpec = {
  flags: "--parameters <json>",
  description: 'parameters over those of the bundle, such as {"confidence-threshold": 0.4}',
};
/** A bundle that was switched to may be watched for hours: the command does not wait for that. */
const UNWATCHED = new Set(["probation", "settle"]);
const POLL_MS = 200;

export const bundleList: CommandSpec = {
  name: "bundle list",
  summary: "installed bundles, what serves, and what is in quarantine",
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const view = await clientOf(values).call("listBundles", {});
    return { exitCode: EXIT.ok, text: listText(view), json: view };
  },
};

export const bundleInspect: CommandSpec = {
  name: "bundle inspect",
  summary: "what a bundle is, where it serves and how it fared",
  arguments: [BUNDLE],
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const view = await clientOf(values).call("listBundles", {});
    const bundle = find(view, textOf(values, "bundle") ?? "");
    const manifest = manifestOf(bundle.directory);
    const elements = view.elements.filter(({ directory }) => directory === bundle.directory);
    return {
      exitCode: EXIT.ok,
      text: inspectText(bundle, manifest, elements),
      json: { ...bundle, manifest, elements },
    };
  },
};

export const bundleVerify: CommandSpec = {
  name: "bundle verify",
  summary: "check a bundle as an activation would (hashes, limits, start, golden cases); needs no running Nightjar",
  arguments: [{ name: "<directory>", description: "directory of the bundle" }],
  options: [
    { flags: "--try <input>", description: "print what comes out for an input, as a golden case expects it" },
    { flags: "--run-operator", description: "run it when it is an operator: code without a sandbox, with your rights" },
  ],
  json: true,
  run: async (values) => {
    const directory = resolve(textOf(values, "directory") ?? "");
    const input = textOf(values, "try");
    const result = await verify(directory, [
      ...(input === undefined ? [] : ["--try", resolve(input)]),
      ...(isOn(values, "runOperator") ? ["--run-operator"] : []),
    ]);
    if (result.ok && result.found) {
      return { exitCode: EXIT.ok, text: JSON.stringify(result.found, null, 2), json: result.found };
    }
    return { exitCode: result.ok ? EXIT.ok : EXIT.configuration, text: verifyText(directory, result), json: result };
  },
};

export const bundleActivate: CommandSpec = {
  name: "bundle activate",
  summary: "let a bundle serve: check, switch between two frames, watch, go back when it fails",
  arguments: [BUNDLE],
  options: [
    ...REACH_OPTIONS,
    ELEMENT,
    PARAMETER,
    { flags: "--shadow <duration>", description: "run it unseen beside the old one first", parse: durationOption },
    { flags: "--agreement <share>", description: "least share of objects on which both agree, 0 to 1", parse: share },
    { flags: "--probation <duration>", description: "how long it is watched", parse: durationOption },
    { flags: "--force", description: "also when it is in quarantine" },
  ],
  json: true,
  run: async (values) => {
    const client = clientOf(values);
    const { element, bundle } = await target(client, values);
    const began = performance.now();
    await client.call("activateBundle", {
      element,
      bundle,
      ...parametersOf(values),
      ...numberOf(values, "shadow", "shadowMs"),
      ...numberOf(values, "agreement", "agreement"),
      ...numberOf(values, "probation", "probationMs"),
      ...(isOn(values, "force") ? { force: true } : {}),
    });
    return ended(await settled(client, element, UNWATCHED), began);
  },
};

export const bundleShadow: CommandSpec = {
  name: "bundle shadow",
  summary: "run a bundle unseen beside what serves, and report how far they agree",
  arguments: [BUNDLE],
  options: [
    ...REACH_OPTIONS,
    ELEMENT,
    PARAMETER,
    { flags: "--duration <duration>", description: "how long; default 10s", parse: durationOption },
  ],
  json: true,
  run: async (values) => {
    const client = clientOf(values);
    const { element, bundle } = await target(client, values);
    await client.call("shadowBundle", {
      element,
      bundle,
      ...parametersOf(values),
      ...numberOf(values, "duration", "shadowMs"),
    });
    const view = await settled(client, element, new Set());
    const report = view.last?.shadow;
    if (view.last?.end !== "shadowed" || !report) return ended(view, performance.now());
    return { exitCode: EXIT.ok, text: shadowText(view.last.bundle, view.active, report), json: report };
  },
};

export const bundleRollback: CommandSpec = {
  name: "bundle rollback",
  summary: "go back to the bundle that served before",
  arguments: [{ name: "<element>", description: "infer (the detector) or tracker" }],
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const client = clientOf(values);
    const element = textOf(values, "element") ?? "";
    const began = performance.now();
    await client.call("rollbackBundle", { element });
    return ended(await settled(client, element, UNWATCHED), began, ["rolled-back"]);
  },
};

export const bundleQuarantine: CommandSpec = {
  name: "bundle quarantine",
  summary: "keep a bundle from being activated, or let it out again",
  arguments: [BUNDLE],
  options: [
    ...REACH_OPTIONS,
    { flags: "--reason <text>", description: "why, for those who come later" },
    { flags: "--release", description: "let it out" },
  ],
  json: true,
  run: async (values) => {
    const client = clientOf(values);
    const bundle = placeOf(textOf(values, "bundle") ?? "");
    const reason = textOf(values, "reason");
    const view = isOn(values, "release")
      ? await client.call("releaseBundle", { bundle })
      : await client.call("quarantineBundle", { bundle, ...(reason === undefined ? {} : { reason }) });
    const text = `${bundle} is ${isOn(values, "release") ? "out of" : "in"} quarantine`;
    return { exitCode: EXIT.ok, text, json: view };
  },
};

function clientOf(values: Values): Client {
  return new Client(socketOf(values));
}

/** A name as it is; a path from where the command runs. */
function placeOf(bundle: string): string {
  return bundle.includes("/") ? resolve(bundle) : bundle;
}

async function target(client: Client, values: Values): Promise<{ element: string; bundle: string }> {
  const bundle = placeOf(textOf(values, "bundle") ?? "");
  const element = textOf(values, "element");
  if (element !== undefined) return { element, bundle };
  const view = await client.call("listBundles", {});
  const { name, kind } = isAbsolute(bundle)
    ? (manifestOf(bundle) as { name?: string; kind?: string })
    : find(view, bundle);
  // Another version of what serves goes where that is; the others where their kind fits.
  const same = view.elements.find(({ active }) => active.split(" ")[0] === name);
  return { element: same?.element ?? (kind === "analyze" ? "tracker" : "infer"), bundle };
}

function find({ bundles }: BundlesView, wanted: string): BundleView {
  const place = placeOf(wanted);
  const found = bundles.find(
    ({ name, directory }) => directory === place || directory.endsWith(`/${wanted}`) || name === wanted,
  );
  if (found) return found;
  const names = bundles.map(({ name }) => name).join(", ") || "none";
  throw new ExpectedError(EXIT.configuration, `there is no bundle "${wanted}"; installed: ${names}`);
}

function manifestOf(directory: string): unknown {
  const file = join(directory, "bundle.yaml");
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ExpectedError(EXIT.configuration, `${file} cannot be read: ${messageOf(error).split("\n")[0]}`, {
      cause: error,
    });
  }
}

function parametersOf(values: Values): { parameters?: Record<string, unknown> } {
  const text = textOf(values, "parameters");
  if (text === undefined) return {};
  try {
    const parameters: unknown = JSON.parse(text);
    if (typeof parameters === "object" && parameters !== null && !Array.isArray(parameters)) {
      return { parameters: parameters as Record<string, unknown> };
    }
  } catch {
    // Said below, with what was expected.
  }
  throw new ExpectedError(EXIT.usage, `--parameters: found "${text}", expected a JSON object`);
}

function numberOf<Name extends string>(values: Values, option: string, name: Name): { [Key in Name]?: number } {
  const value = values[option];
  return (typeof value === "number" ? { [name]: value } : {}) as { [Key in Name]?: number };
}

function share(text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0 && value <= 1) return value;
  throw new ExpectedError(EXIT.usage, `--agreement: found "${text}", expected a number from 0 to 1`);
}

/** Waits until the change has ended, or is in one of the steps that are not waited for. */
async function settled(client: Client, element: string, unwatched: ReadonlySet<string>): Promise<ElementView> {
  for (;;) {
    const { elements } = await client.call("listBundles", {});
    const view = elements.find((each) => each.element === element);
    if (view === undefined) throw new ExpectedError(EXIT.configuration, `there is no element "${element}"`);
    if (view.change === null || unwatched.has(view.change.step)) return view;
    await sleep(POLL_MS);
  }
}

function ended(view: ElementView, began: number, fine: readonly string[] = []): Result {
  const { change, last, active, element } = view;
  const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  if (change !== null || last?.end === "done" || (last !== null && fine.includes(last.end))) {
    const watched = change?.step === "probation" ? "; it is watched now (nightjar bundle list)" : "";
    return { exitCode: EXIT.ok, text: `${active} serves ${element} after ${took}${watched}`, json: view };
  }
  const text = `${last?.bundle} does not serve ${element} (${last?.end}): ${last?.reason}; ${active} goes on`;
  return { exitCode: EXIT.configuration, text, json: view };
}

function listText({ elements, bundles }: BundlesView): string {
  const serving = elements.map(({ element, active, previous, change, last }) => [
    element,
    active,
    previous ?? "-",
    change === null ? "-" : `${change.bundle}: ${change.step}`,
    last === null ? "-" : `${last.bundle}: ${last.end}${last.reason === "" ? "" : ` (${last.reason})`}`,
  ]);
  const installed = bundles.map(({ name, version, kind, serves, quarantine, problem, directory }) => [
    name,
    version,
    kind,
    serves.join(", ") || "-",
    problem || (quarantine === "" ? "-" : `quarantine: ${quarantine}`),
    directory,
  ]);
  return [
    table(["ELEMENT", "SERVES", "BEFORE", "CHANGE", "LAST CHANGE"], serving),
    "",
    table(["BUNDLE", "VERSION", "KIND", "ELEMENT", "STATE", "DIRECTORY"], installed),
  ].join("\n");
}

function inspectText(bundle: BundleView, manifest: unknown, elements: readonly ElementView[]): string {
  const { model, module, labels, parameters, limits, golden } = manifest as Record<string, unknown>;
  const file = (part: unknown) => (part as { file?: string } | undefined)?.file ?? "-";
  const count = Array.isArray(labels) ? `${labels.length}: ${labels.join(", ")}` : file(labels);
  const rows = [
    ["bundle", `${bundle.name} ${bundle.version} (${bundle.kind})`],
    ["directory", bundle.directory],
    ["model", file(model)],
    ["module", file(module)],
    ["labels", count],
    ["parameters", JSON.stringify(parameters ?? {})],
    ["limits", JSON.stringify(limits ?? {})],
    ["golden cases", String(Array.isArray(golden) ? golden.length : 0)],
    ["serves", bundle.serves.join(", ") || "-"],
    ["quarantine", bundle.quarantine || "-"],
    ...elements.map(({ element, last }) => [`last change of ${element}`, last ? `${last.bundle}: ${last.end}` : "-"]),
  ];
  return table(["", ""], rows as string[][]).trim();
}

function shadowText(candidate: string, live: string, report: ShadowReport): string {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const times = ({ p50, p99 }: { p50: number; p99: number }) => `${p50.toFixed(2)} / ${p99.toFixed(2)} ms`;
  const rows = report.classes.map(({ label, live: theirs, candidate: ours, matched, iou }) => [
    label,
    String(theirs),
    String(ours),
    String(matched),
    iou.toFixed(3),
  ]);
  return [
    `${candidate} beside ${live}: ${report.frames} frames in ${(report.ms / 1000).toFixed(1)} s, ${report.failed} batches failed`,
    `agreement ${percent(report.agreement)}${report.resampled ? " (pictures were resampled)" : ""}`,
    `latency p50 / p99: ${times(report.latency.candidate)} (now ${times(report.latency.live)})`,
    table(["CLASS", "NOW", "CANDIDATE", "SAME", "OVERLAP"], rows),
  ].join("\n");
}

function verifyText(directory: string, result: VerifyResult): string {
  if (!result.ok) return `${directory}: ${result.key}: ${result.message}`;
  const { name, version, kind, input, labels, golden, ms } = result;
  const size = input === null ? "" : `, ${input.width}x${input.height}, ${labels} labels`;
  const cases =
    golden.skipped === "" ? `${golden.cases} golden cases passed` : `golden cases not checked: ${golden.skipped}`;
  return `${name} ${version} (${kind}${size}) is sound: ${cases} (${ms} ms)`;
}

/** In a process of its own: a module that does its worst cannot harm this one. */
export function verify(directory: string, options: readonly string[] = []): Promise<VerifyResult> {
  const program = join(import.meta.dirname, "../../postprocess/verify_main.ts");
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      [program, directory, ...options],
      { maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const line = stdout.trim().split("\n").at(-1) ?? "";
        if (line.startsWith("{")) done(JSON.parse(line) as VerifyResult);
        else fail(new ExpectedError(EXIT.bug, `the check of ${directory} ended: ${stderr.trim() || messageOf(error)}`));
      },
    );
  });
}
