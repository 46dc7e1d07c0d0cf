/** The OpenAPI document over HTTP. What makes it is loaded when somebody asks: few ever do. */
import { sendJson } from "./answers.ts";
import type { Route } from "./routes.ts";

export function openApiRoute(): Route {
  return {
    method: "GET",
    path: "/api/openapi.json",
    summary: "This interface as an OpenAPI document",
    needs: "viewer",
    type: "application/json",
    run: async ({ response }) => {
      const { openApiDocument } = await import("./openapi.ts");
      sendJson(response, 200, openApiDocument());
    },
  };
}
