/** Kept pictures and recordings over HTTP, by the id that messages and replies name. */
import type { ServerResponse } from "node:http";
import { EXIT } from "../log/errors.ts";
import type { EvidenceStore } from "../supervisor/evidence.ts";
import { matchPath } from "./commands.ts";
import { sendError } from "./http-server.ts";

/** @returns false when the path is for something else */
export function sendEvidence(path: string, store: EvidenceStore, response: ServerResponse): boolean {
  const id = matchPath("/api/evidence/:id", path)?.id;
  if (id === undefined) return false;
  const found = store.read(id);
  if (found === undefined) {
    sendError(response, 404, `there is no picture "${id}" (any more)`, EXIT.usage);
    return true;
  }
  const { view, type, stream } = found;
  // Removed for the quota just now, or unreadable: said while that is still possible.
  stream.once("error", () => sendError(response, 404, `the picture "${id}" cannot be read`, EXIT.environment));
  stream.once("open", () => {
    // It never changes under its id.
    response.writeHead(200, {
      "content-type": type,
      "content-length": view.bytes,
      "cache-control": "max-age=86400, immutable",
    });
    stream.pipe(response);
  });
  response.once("close", () => stream.destroy());
  return true;
}
