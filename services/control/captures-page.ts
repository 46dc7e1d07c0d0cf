/** Files of recordings over HTTP. */
import { createReadStream } from "node:fs";
import { EXIT } from "../log/errors.ts";
import type { Captures } from "../supervisor/captures.ts";
import { beginStream, sendError } from "./answers.ts";
import type { Route } from "./routes.ts";

export function captureRoute(captures: Captures): Route {
  return {
    method: "GET",
    path: "/api/captures/:capture/file",
    summary: "The file of a recording for nightjar replay",
    needs: "viewer",
    type: "application/octet-stream",
    run: ({ request, response, parts: { capture = "" } }) => {
      const found = captures.read(capture);
      if (found === undefined) return sendError(response, 404, `there is no recording "${capture}" (any more)`);
      const { file, bytes } = found;
      // It may still be growing: what was there is what was promised.
      const stream = createReadStream(file, { end: Math.max(0, bytes - 1) });
      stream.once("error", () =>
        sendError(response, 404, `the recording "${capture}" cannot be read`, EXIT.environment),
      );
      stream.once("open", () => {
        const headers = { "content-type": "application/octet-stream", "content-length": String(bytes) };
        if (beginStream(request, response, headers)) stream.pipe(response);
      });
      response.once("close", () => stream.destroy());
    },
  };
}
