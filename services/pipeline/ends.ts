/** Ways in which this process ends by itself, and whose fault each is. */

import { MissingElement } from "./graph.ts";
import { type Fault, GstError } from "./gst.ts";
import { exitCodes, type FatalMessage } from "./messages.ts";

const codes: Readonly<Record<FatalMessage["fault"], number>> = {
  input: exitCodes.input,
  environment: exitCodes.environment,
  internal: exitCodes.internal,
};

export const fatal = (fault: FatalMessage["fault"], message: string): FatalMessage => ({
  type: "fatal",
  fault,
  message,
  exitCode: codes[fault],
});

export function fatalOfThrown(error: unknown): FatalMessage {
  if (error instanceof MissingElement) return fatal("environment", error.message);
  if (error instanceof GstError) return fatal("internal", error.message);
  return fatal("internal", error instanceof Error ? (error.stack ?? error.message) : String(error));
}

const librarySettings = 5;

/** Errors of an element that say: what I was told to use is wrong. */
const inputErrors: Readonly<Record<string, readonly number[]>> = {
  // not found, open for reading, read, settings, not authorized
  "gst-resource-error-quark": [3, 5, 9, 13, 15],
  "gst-library-error-quark": [librarySettings],
  // wrong type, format
  "gst-stream-error-quark": [5, 11],
};

/** The postprocess host refuses a bundle some time after the start: it loads models while the cameras play already. */
const isRefusal = (message: Fault): boolean =>
  message.domain === "gst-library-error-quark" && message.code === librarySettings;

/** An error of the part of the graph that all cameras share ends the process. */
export function fatalOfElement(message: Fault): FatalMessage {
  const fault = inputErrors[message.domain]?.includes(message.code) ? "input" : "internal";
  const details = message.debug.split("\n").slice(1).join(" ").trim();
  const reason = fatal(fault, `${message.origin.branch}: ${message.text}${details === "" ? "" : ` (${details})`}`);
  return isRefusal(message) ? { ...reason, lasting: true } : reason;
}
