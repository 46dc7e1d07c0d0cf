/** The files of the console page. Everyone who reaches the address gets them: there is nothing in them but the page. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { consoleAsset } from "../console/assets.ts";

/** @returns false when the page has no such file */
export async function sendAsset(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
  const asset = await consoleAsset(path);
  if (asset === undefined) return false;
  const { body, gzip, type, etag } = asset;
  // Asked for each time, and answered in a few bytes when it is the same: a new version shows at once.
  const headers = { "cache-control": "no-cache", etag, vary: "accept-encoding" };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, headers).end();
    return true;
  }
  const isGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  const content = isGzip ? gzip : body;
  const encoding: Record<string, string> = isGzip ? { "content-encoding": "gzip" } : {};
  response.writeHead(200, { ...headers, ...encoding, "content-type": type, "content-length": content.length });
  response.end(content);
  return true;
}
