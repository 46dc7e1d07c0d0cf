/** The body of a request: a JSON object of bounded length. How long it may take is the server's business (limits.ts). */
import type { IncomingMessage } from "node:http";
import { codeOf, EXIT, ExpectedError } from "../log/errors.ts";
import { MAX_BODY_BYTES } from "./limits.ts";

/** The request is longer than anything that is asked here. */
export class BodyTooLong extends ExpectedError {
  constructor() {
    super(EXIT.usage, `the request is longer than ${MAX_BODY_BYTES} bytes`);
  }
}

/** {} when there is none. @throws ExpectedError */
export async function readBody(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  if (Number(incoming.headers["content-length"] ?? 0) > MAX_BODY_BYTES) throw new BodyTooLong();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) throw new BodyTooLong();
      chunks.push(chunk);
    }
  } catch (error) {
    if (codeOf(error) !== "ECONNRESET") throw error;
    throw new ExpectedError(EXIT.usage, "the caller left in the middle of the request", { cause: error });
  }
  if (bytes === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, together with JSON of the wrong kind.
  }
  throw new ExpectedError(EXIT.usage, "the request has to be a JSON object");
}
