/** `nightjar watch --broker`: the messages of a device as a consumer gets them, each once, and what is missing. */
import { readFileSync } from "node:fs";
import { readSecret } from "../config/secrets.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import { type ConsumedMessage, Consumer, type StreamState } from "../publisher/consumer.ts";
import type { OptionSpec, Terminal, Values } from "./command.ts";
import { isOn, textOf } from "./command.ts";

export const BROKER_OPTIONS: readonly OptionSpec[] = [
  { flags: "--broker <url>", description: "show the messages at a broker instead (mqtt://HOST or mqtts://HOST)" },
  { flags: "--prefix <topic>", description: "with --broker: begin of the device's topics, such as nightjar/gate-1" },
  { flags: "--username <name>", description: "with --broker: user name there" },
  { flags: "--password-file <file>", description: "with --broker: file with the password" },
  { flags: "--ca <file>", description: "with --broker: certificates (PEM) to trust" },
  { flags: "--certificate <file>", description: "with --broker: certificate (PEM) of this client" },
  { flags: "--key <file>", description: "with --broker: its key (PEM)" },
  { flags: "--old", description: "with --broker: speak MQTT 3.1.1, as the embedded broker does" },
];

/** Shows messages until the signal, or until so many were shown. @throws ExpectedError when the broker cannot be reached. */
export async function watchBroker(values: Values, { stdout, stderr }: Terminal, signal: AbortSignal): Promise<void> {
  const count = typeof values.count === "number" ? values.count : Number.POSITIVE_INFINITY;
  const asJson = isOn(values, "json");
  const done = Promise.withResolvers<void>();
  let shown = 0;
  const consumer = consumerOf(values, (message) => {
    if (shown >= count) return;
    stdout.write(`${asJson ? JSON.stringify(plain(message)) : lineOf(message)}\n`);
    shown += 1;
    if (shown >= count) done.resolve();
  });
  try {
    await consumer.start();
  } catch (error) {
    throw new ExpectedError(EXIT.unreachable, `--broker ${textOf(values, "broker")}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  signal.addEventListener("abort", () => done.resolve());
  await done.promise;
  await consumer.stop();
  for (const stream of consumer.streams()) stderr.write(`${verdict(stream)}\n`);
}

function consumerOf(values: Values, take: (message: ConsumedMessage) => void): Consumer {
  const topicPrefix = textOf(values, "prefix");
  if (topicPrefix === undefined)
    throw new ExpectedError(
      EXIT.usage,
      "--broker wants --prefix, the begin of the device's topics, such as nightjar/gate-1",
    );
  const passwordFile = textOf(values, "passwordFile");
  const options = {
    url: textOf(values, "broker") ?? "",
    topicPrefix,
    username: textOf(values, "username"),
    password: passwordFile === undefined ? undefined : readSecret({ file: passwordFile }, "--password-file"),
    ca: fileOf(values, "ca"),
    certificate: fileOf(values, "certificate"),
    key: fileOf(values, "key"),
    protocol: isOn(values, "old") ? ("3.1.1" as const) : ("5" as const),
  };
  return new Consumer(options, take);
}

function fileOf(values: Values, name: string): Buffer | undefined {
  const path = textOf(values, name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ExpectedError(EXIT.usage, `--${name}: ${path} cannot be read (${codeOf(error)})`, { cause: error });
  }
}

function plain({ topic, identity, retained, document, payload }: ConsumedMessage): object {
  return { topic, retained, identity: identity ?? null, document: document ?? payload.toString("utf8") };
}

function lineOf({ path, identity, retained, document, payload }: ConsumedMessage): string {
  const number = identity === undefined ? "-" : `${identity.sequence}${identity.late === true ? " late" : ""}`;
  const text = document === undefined ? payload.toString("utf8") : JSON.stringify(document);
  return `${number}\t${path}${retained ? " (retained)" : ""}\t${text}`;
}

function verdict({ device, epoch, received, duplicates, gaps, reportedLost }: StreamState): string {
  const missing = gaps.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(", ");
  const what = missing === "" ? "nothing missing that is not reported" : `missing without a report: ${missing}`;
  return `${device}/${epoch}: ${received} messages, ${duplicates} repetitions, ${reportedLost} reported lost, ${what}`;
}
