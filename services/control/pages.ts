/** What the control interface serves besides the commands and the console: live pictures, news, probes, metrics, files. */
import { EXIT } from "../log/errors.ts";
import type { Captures } from "../supervisor/captures.ts";
import type { EvidenceStore } from "../supervisor/evidence.ts";
import type { Status } from "../supervisor/status.ts";
import { beginStream, sendError, sendText } from "./answers.ts";
import { captureRoute } from "./captures-page.ts";
import { type EventHub, NEWS_TYPES, type NewsType } from "./event-hub.ts";
import { evidenceRoute } from "./evidence-page.ts";
import { MAX_LISTENERS } from "./limits.ts";
import type { Pictures } from "./pictures.ts";
import type { Exchange, Route } from "./routes.ts";
import { schemaRoutes } from "./schema-page.ts";
import { statusPage } from "./status-page.ts";

export interface PageSources {
  readonly pictures: Pictures;
  readonly news: EventHub;
  readonly evidence: EvidenceStore;
  readonly captures: Captures;
  hasCamera(id: string): boolean;
  status(): Status;
  /** Why Nightjar is not ready; undefined when it is. */
  notReady(): string | undefined;
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
}

const SNAPSHOT_TIMEOUT_MS = 5000;

export function pageRoutes(sources: PageSources): Route[] {
  return [
    ...probeRoutes(sources),
    {
      method: "GET",
      path: "/metrics",
      summary: "Metrics for Prometheus",
      needs: "viewer",
      type: "text/plain",
      run: async ({ request, response }) => {
        const { type, text } = await sources.metrics();
        if (beginStream(request, response, { "content-type": type })) response.end(text);
      },
    },
    {
      method: "GET",
      path: "/api/events",
      summary:
        "News as they come (server-sent events): ?types=event,camera; Last-Event-ID or ?after=ID brings the kept ones since",
      needs: "viewer",
      type: "text/event-stream",
      run: (exchange) => sendNews(exchange, sources.news),
    },
    {
      method: "GET",
      path: "/api/cameras/:id/live",
      summary: "Live pictures with objects drawn in (motion JPEG); a slow reader gets fewer",
      needs: "viewer",
      type: "multipart/x-mixed-replace",
      run: (exchange) => sendLive(exchange, sources),
    },
    {
      method: "GET",
      path: "/api/cameras/:id/snapshot.jpg",
      summary: "One picture with objects drawn in",
      needs: "viewer",
      type: "image/jpeg",
      run: (exchange) => sendSnapshot(exchange, sources),
    },
    evidenceRoute(sources.evidence),
    captureRoute(sources.captures),
    ...schemaRoutes(),
  ];
}

function probeRoutes(sources: PageSources): Route[] {
  const probe = { method: "GET", type: "text/plain", needs: null } as const;
  return [
    {
      ...probe,
      path: "/livez",
      summary: "200 while the supervisor lives",
      run: ({ response }) => void sendText(response, 200, "alive"),
    },
    {
      ...probe,
      path: "/readyz",
      summary:
        "200 when both processes run and a camera delivers, otherwise 503 (with the reason, for those who may look)",
      run: ({ response, caller }) => {
        const notReady = sources.notReady();
        if (notReady === undefined) sendText(response, 200, "ready");
        else sendText(response, 503, caller.role === null ? "not ready" : notReady);
      },
    },
    {
      ...probe,
      needs: "viewer",
      path: "/statusz",
      summary: "The status on one page, for people",
      run: ({ response }) => void sendText(response, 200, statusPage(sources.status(), sources.notReady())),
    },
  ];
}

function sendNews({ request, response, url, guard }: Exchange, news: EventHub): void {
  const asked = url.searchParams.get("types")?.split(",") ?? ["event", "camera", "process", "broker"];
  const unknown = asked.filter((type) => !NEWS_TYPES.includes(type as NewsType));
  if (unknown.length > 0) {
    sendError(response, 400, `unknown types ${unknown.join(", ")}; there are ${NEWS_TYPES.join(", ")}`);
    return;
  }
  if (news.listeners >= MAX_LISTENERS) {
    sendError(response, 503, `${MAX_LISTENERS} listen already, the most there can be`, EXIT.unreachable);
    return;
  }
  if (!beginStream(request, response, { "content-type": "text/event-stream; charset=utf-8" })) return;
  guard();
  const after = request.headers["last-event-id"] ?? url.searchParams.get("after");
  news.listen(response, asked as NewsType[], after === null || after === undefined ? undefined : Number(after) || 0);
}

function sendLive({ request, response, parts, guard }: Exchange, { pictures, hasCamera }: PageSources): void {
  const { id = "" } = parts;
  if (!hasCamera(id)) {
    sendError(response, 404, `there is no camera "${id}"`);
    return;
  }
  if (pictures.isFull) {
    const message = `${pictures.mostViewers} look at live pictures already (console.viewers)`;
    sendError(response, 503, message, EXIT.unreachable);
    return;
  }
  if (!beginStream(request, response, pictures.headers)) return;
  guard();
  // A camera that is dark for a while has nothing to send, and its viewers stay; those that do not read are told apart by Pictures.
  response.socket?.setTimeout(0);
  response.flushHeaders();
  pictures.view(id, response);
}

async function sendSnapshot(
  { request, response, parts }: Exchange,
  { pictures, hasCamera }: PageSources,
): Promise<void> {
  const { id = "" } = parts;
  if (!hasCamera(id)) return sendError(response, 404, `there is no camera "${id}"`);
  if (request.method === "HEAD") return void beginStream(request, response, { "content-type": "image/jpeg" });
  const picture = await pictures.snapshot(id, SNAPSHOT_TIMEOUT_MS);
  if (picture === undefined) {
    const message = `camera ${id} gave no picture within ${SNAPSHOT_TIMEOUT_MS / 1000} s; look at its state`;
    return sendError(response, 503, message, EXIT.unreachable);
  }
  response.writeHead(200, { "content-type": "image/jpeg", "content-length": picture.length });
  response.end(picture);
}
