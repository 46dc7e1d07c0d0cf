/** Kept pictures and recordings over HTTP, by the id that messages and replies name. */
import { EXIT } from "../log/errors.ts";
import type { EvidenceStore } from "../supervisor/evidence.ts";
import { beginStream, sendError } from "./answers.ts";
import type { Route } from "./routes.ts";

export function evidenceRoute(store: EvidenceStore): Route {
  return {
    method: "GET",
    path: "/api/evidence/:id",
    summary: "A kept picture or recording",
    needs: "viewer",
    type: "image/jpeg",
    run: ({ request, response, parts: { id = "" } }) => {
      const found = store.read(id);
      if (found === undefined) return sendError(response, 404, `there is no picture "${id}" (any more)`);
      const { view, type, stream } = found;
      // Removed for the quota just now, or unreadable: said while that is still possible.
      stream.once("error", () => sendError(response, 404, `the picture "${id}" cannot be read`, EXIT.environment));
      stream.once("open", () => {
        const headers = {
          "content-type": type,
          "content-length": String(view.bytes),
          // It never changes under its id; nobody between us and the browser keeps it.
          "cache-control": "private, max-age=86400, immutable",
        };
        if (beginStream(request, response, headers)) stream.pipe(response);
      });
      response.once("close", () => stream.destroy());
    },
  };
}
