/** Files of recordings over HTTP. */
import { createReadStream } from "node:fs";
import type { ServerResponse } from "node:http";
import { EXIT } from "../log/errors.ts";
import type { Captures } from "../supervisor/captures.ts";
import { matchPath } from "./commands.ts";
import { sendError } from "./http-server.ts";

/** @returns false when the path is for something else */
export function sendCapture(path: string, captures: Captures, response: ServerResponse): boolean {
  const id = matchPath("/api/captures/:capture/file", path)?.capture;
  if (id === undefined) return false;
  const found = captures.read(id);
  if (found === undefined) {
    sendError(response, 404, `there is no recording "${id}" (any more)`, EXIT.usage);
    return true;
  }
  const { file, bytes } = found;
  // It may still be growing: what was there is what was promised.
  const stream = createReadStream(file, { end: Math.max(0, bytes - 1) });
  stream.once("error", () => sendError(response, 404, `the recording "${id}" cannot be read`, EXIT.environment));
  stream.once("open", () => {
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": bytes,
      "cache-control": "no-store",
    });
    stream.pipe(response);
  });
  response.once("close", () => stream.destroy());
  return true;
}
