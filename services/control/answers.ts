/** How the control interface answers: JSON, text, errors, and the headers that go with everything. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { EXIT } from "../log/errors.ts";

/** Nothing from elsewhere, no inline script, no frame around it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "font-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  // A page of another site may not even show our pictures.
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), payment=(), interest-cohort=()",
  "cache-control": "no-store",
};

/** A year, in seconds. */
const HSTS = "max-age=31536000";

/** Headers of every answer; set before anything else. */
export function setCommonHeaders(response: ServerResponse, isTls: boolean): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (isTls) response.setHeader("strict-transport-security", HSTS);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
  response.end(`${JSON.stringify(value)}\n`);
}

export function sendText(response: ServerResponse, status: number, text: string): true {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
  return true;
}

export interface FieldProblem {
  readonly key: string;
  readonly message: string;
}

/** `{"error": {"message", "exitCode"}}`: the command line shows the message and ends with the code. */
export function sendError(
  response: ServerResponse,
  status: number,
  message: string,
  exitCode: number = EXIT.usage,
  problems?: readonly FieldProblem[],
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendJson(response, status, { error: { message, exitCode, ...(problems === undefined ? {} : { problems }) } });
}

/** Begins an answer that goes on. @returns false when only its headers were asked for: then nothing may be started. */
export function beginStream(
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
): boolean {
  response.writeHead(200, headers);
  if (request.method !== "HEAD") return true;
  response.end();
  return false;
}
