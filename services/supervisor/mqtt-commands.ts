/** The table of commands as MQTT sees it: by name, with replies that say what went wrong. */

import { COMMANDS, type CommandName, type Control } from "../control/commands.ts";
import { EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import { failure } from "../publisher/command-service.ts";
import type { CommandReply } from "../publisher/types.ts";

/** Whether a command changes nothing. An unknown one does not either. */
export function isReading(name: string): boolean {
  return !isCommand(name) || COMMANDS[name].method === "GET";
}

/**
 * Does a command that came over MQTT.
 * @param mayChange false: only those that change nothing
 */
export async function runCommand(
  control: Control,
  log: Logger,
  name: string,
  input: unknown,
  mayChange: boolean,
): Promise<CommandReply> {
  if (!isCommand(name))
    return failure("unknown", `there is no command "${name}"; there are ${Object.keys(COMMANDS).join(", ")}`);
  if (!mayChange && !isReading(name))
    return failure(
      "forbidden",
      `"${name}" changes something, which is not taken over this connection; see mqtt.commands and mqtt.insecure`,
    );
  const secret = secretOfThisMachine(input);
  if (secret !== undefined)
    return failure(
      "forbidden",
      `input.${secret}: over MQTT, a password is named as {credential: NAME} only; a file or variable of this machine could be sent anywhere`,
    );
  const entry = COMMANDS[name];
  const parsed = entry.input.safeParse(input);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${["input", ...issue.path].join(".")}: ${issue.message}`);
    return failure("invalid", problems.join("; "));
  }
  try {
    return { ok: true, output: await entry.run(control, parsed.data as never) };
  } catch (error) {
    if (error instanceof ExpectedError) return failure(codeOfExit(error), error.message);
    log.error({ err: error, command: name }, "a command failed by our fault");
    return failure("failed", messageOf(error));
  }
}

/**
 * Where in the input a password is to be read from a file or the environment. Whoever may add a camera from afar could
 * have any file of the device sent, as its password, to a host of theirs.
 */
function secretOfThisMachine(input: unknown, path: readonly string[] = []): string | undefined {
  if (typeof input !== "object" || input === null) return undefined;
  if (path.at(-1) === "password" && ("file" in input || "env" in input)) return path.join(".");
  for (const [name, inner] of Object.entries(input)) {
    const found = secretOfThisMachine(inner, [...path, name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function codeOfExit({ exitCode }: ExpectedError): string {
  return exitCode === EXIT.usage || exitCode === EXIT.configuration ? "invalid" : "failed";
}
