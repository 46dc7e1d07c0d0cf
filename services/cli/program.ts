/** Builds the command line from the table of commands: help and parsing come from the same data. */
import { Command, CommanderError, Option } from "commander";
import { EXIT } from "../log/errors.ts";
import { VERSION } from "../supervisor/version.ts";
import type { CommandSpec, OptionSpec, Result, Terminal, Values } from "./command.ts";
import { exitCodeOf, failureText } from "./errors.ts";

const EXIT_CODES = `
Exit codes:
  0  done
  1  a fault of Nightjar
  2  the command line is wrong
  3  the configuration is wrong
  4  no running Nightjar could be reached
  5  this machine lacks something (port, disk, permission, package)
  6  a camera never delivered a frame (run --duration)`;

const GROUPS: Readonly<Record<string, string>> = {
  camera: "add, remove and list cameras of the running Nightjar",
  bundle: "what detects and tracks: inspect, verify, activate, compare and take back bundles",
  update: "updates over the air: what there is, take it, take it back",
  repo: "make and sign a repository of updates, and publish it",
  device: "the identity of this device",
  import: "take over what was made for other software",
  module: "make, build, test and measure modules: rules and decoders of your own",
  user: "who may log in to the console and the HTTP API",
  token: "tokens with which programs read the HTTP API, such as Prometheus",
  zone: "set, remove and list the zones (regions and lines) of cameras of the running Nightjar",
};

/** Runs a command line. @returns the exit code; everything has been said. */
export async function runProgram(
  commands: readonly CommandSpec[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(commands, terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version are no errors; everything else has been said on standard error.
    exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return exitCode;
}

function buildProgram(commands: readonly CommandSpec[], terminal: Terminal, end: (code: number) => void): Command {
  const program = new Command("nightjar")
    .description("Edge video analytics: cameras in, objects out over MQTT")
    .version(VERSION)
    .showHelpAfterError("(nightjar --help shows what there is)")
    .showSuggestionAfterError()
    .addHelpText("after", EXIT_CODES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    });
  for (const spec of commands) addCommand(program, spec, terminal, end);
  return program;
}

function addCommand(program: Command, spec: CommandSpec, terminal: Terminal, end: (code: number) => void): void {
  const words = spec.name.split(" ");
  const name = words.at(-1) ?? spec.name;
  const parent = words.length === 1 ? program : groupOf(program, words[0] ?? "");
  const command = parent.command(name).description(spec.summary);
  for (const { name: argument, description } of spec.arguments ?? []) command.argument(argument, description);
  for (const option of spec.options ?? []) command.addOption(toOption(option));
  if (spec.json === true) command.option("--json", "print JSON for programs");
  command.action(async (...given: unknown[]) => {
    const values = valuesOf(spec, given, command);
    end(await runCommand(spec, values, terminal));
  });
}

function groupOf(program: Command, name: string): Command {
  const known = program.commands.find((command) => command.name() === name);
  return known ?? program.command(name).description(GROUPS[name] ?? "");
}

function toOption({ flags, description, default: standard, required, parse }: OptionSpec): Option {
  const option = new Option(flags, description);
  if (standard !== undefined) option.default(standard);
  if (required === true) option.makeOptionMandatory();
  if (parse !== undefined) option.argParser((text) => ({ text, parse }));
  return option;
}

/** Arguments under their names together with the options; texts that want parsing are parsed here, where errors are caught. */
function valuesOf(spec: CommandSpec, given: readonly unknown[], command: Command): Values {
  const values: Record<string, unknown> = { ...command.opts() };
  for (const [i, { name }] of (spec.arguments ?? []).entries()) values[name.replaceAll(/[<>[\]]/g, "")] = given[i];
  return values;
}

async function runCommand(spec: CommandSpec, values: Values, terminal: Terminal): Promise<number> {
  const json = values.json === true;
  try {
    const result = await spec.run(parsed(values), terminal);
    print(result, json, terminal);
    return result.exitCode;
  } catch (error) {
    const exitCode = exitCodeOf(error);
    const text = failureText(error);
    if (json) terminal.stdout.write(`${JSON.stringify({ error: { message: text, exitCode } })}\n`);
    terminal.stderr.write(`${text}\n`);
    return exitCode;
  }
}

function parsed(values: Values): Values {
  const entries = Object.entries(values).map(([key, value]) => {
    const wanted = value as { text: string; parse: (text: string) => unknown } | undefined;
    return [key, typeof wanted?.parse === "function" ? wanted.parse(wanted.text) : value];
  });
  return Object.fromEntries(entries);
}

function print({ text, json }: Result, asJson: boolean, { stdout }: Terminal): void {
  if (asJson && json !== undefined) stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  else if (!asJson && text !== undefined && text !== "") stdout.write(`${text}\n`);
}
