/** What the control interface serves besides the commands: console, live pictures, news, probes, metrics. */
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { EXIT } from "../log/errors.ts";
import type { Captures } from "../supervisor/captures.ts";
import type { EvidenceStore } from "../supervisor/evidence.ts";
import { sendCapture } from "./captures-page.ts";
import { matchPath } from "./commands.ts";
import { type EventHub, NEWS_TYPES, type NewsType } from "./event-hub.ts";
import { sendEvidence } from "./evidence-page.ts";
import { type Fallback, sendError } from "./http-server.ts";
import type { Pictures } from "./pictures.ts";
import { sendSchema } from "./schema-page.ts";

export interface PageSources {
  readonly pictures: Pictures;
  readonly news: EventHub;
  readonly evidence: EvidenceStore;
  readonly captures: Captures;
  hasCamera(id: string): boolean;
  /** Why Nightjar is not ready; undefined when it is. */
  notReady(): string | undefined;
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
}

const PUBLIC = join(import.meta.dirname, "..", "console", "public");
const SNAPSHOT_TIMEOUT_MS = 5000;

/** Nothing from elsewhere, no inline script, no frame around it. */
const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

const FILES: Record<string, { readonly file: string; readonly type: string }> = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/console.css": { file: "console.css", type: "text/css; charset=utf-8" },
  "/console.js": { file: "console.js", type: "text/javascript; charset=utf-8" },
  "/icon.svg": { file: "icon.svg", type: "image/svg+xml" },
};

export function pages(sources: PageSources): Fallback {
  return async (request, url, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") return false;
    const file = FILES[url.pathname];
    if (file !== undefined) return sendFile(file, response);
    if (url.pathname === "/livez") return sendText(response, 200, "alive");
    if (url.pathname === "/readyz") return sendReadiness(sources.notReady(), response);
    if (url.pathname === "/metrics") return sendMetrics(await sources.metrics(), response);
    if (url.pathname === "/api/events") return sendNews(request, url, sources.news, response);
    if (sendCapture(url.pathname, sources.captures, response)) return true;
    if (sendEvidence(url.pathname, sources.evidence, response) || sendSchema(url.pathname, response)) return true;
    return sendPictures(url, sources, response);
  };
}

async function sendFile({ file, type }: { file: string; type: string }, response: ServerResponse): Promise<true> {
  const content = await readFile(join(PUBLIC, file));
  response.writeHead(200, { ...PAGE_HEADERS, "content-type": type });
  response.end(content);
  return true;
}

function sendReadiness(notReady: string | undefined, response: ServerResponse): true {
  return notReady === undefined ? sendText(response, 200, "ready") : sendText(response, 503, notReady);
}

function sendMetrics({ type, text }: { type: string; text: string }, response: ServerResponse): true {
  response.writeHead(200, { "content-type": type });
  response.end(text);
  return true;
}

/** ?types=event,camera; `last-event-id` (or ?after=) brings the kept news since. */
function sendNews(request: IncomingMessage, url: URL, news: EventHub, response: ServerResponse): true {
  const asked = url.searchParams.get("types")?.split(",") ?? ["event", "camera", "process", "broker"];
  const unknown = asked.filter((type) => !NEWS_TYPES.includes(type as NewsType));
  if (unknown.length > 0) {
    sendError(response, 400, `unknown types ${unknown.join(", ")}; there are ${NEWS_TYPES.join(", ")}`, EXIT.usage);
    return true;
  }
  const after = request.headers["last-event-id"] ?? url.searchParams.get("after");
  news.listen(response, asked as NewsType[], after === null || after === undefined ? undefined : Number(after) || 0);
  return true;
}

async function sendPictures(
  url: URL,
  { pictures, hasCamera }: PageSources,
  response: ServerResponse,
): Promise<boolean> {
  const live = matchPath("/api/cameras/:id/live", url.pathname);
  const still = matchPath("/api/cameras/:id/snapshot.jpg", url.pathname);
  const id = live?.id ?? still?.id;
  if (id === undefined) return false;
  if (!hasCamera(id)) {
    sendError(response, 404, `there is no camera "${id}"`, EXIT.usage);
  } else if (live !== undefined) {
    pictures.view(id, response);
  } else {
    sendSnapshot(id, await pictures.snapshot(id, SNAPSHOT_TIMEOUT_MS), response);
  }
  return true;
}

function sendSnapshot(id: string, picture: Buffer | undefined, response: ServerResponse): void {
  if (picture === undefined) {
    const message = `camera ${id} gave no picture within ${SNAPSHOT_TIMEOUT_MS / 1000} s; look at its state`;
    sendError(response, 503, message, EXIT.unreachable);
    return;
  }
  response.writeHead(200, {
    "content-type": "image/jpeg",
    "content-length": picture.length,
    "cache-control": "no-store",
  });
  response.end(picture);
}

function sendText(response: ServerResponse, status: number, text: string): true {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  response.end(`${text}\n`);
  return true;
}
