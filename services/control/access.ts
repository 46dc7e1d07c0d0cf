/** Who may do what over HTTP. Reading is for everyone who reaches the address; changing only for this machine. */
import type { IncomingMessage } from "node:http";

/** How a request came in: through the Unix socket (guarded by file permissions) or a TCP port. */
export type Door = "socket" | "tcp";

const LOOPBACK_ADDRESS = /^(127\.|::1$|::ffff:127\.)/;
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Why a request is refused; undefined when it is allowed. */
export function refusal(request: IncomingMessage, door: Door): string | undefined {
  if (door === "socket") return undefined;
  const fromHere = LOOPBACK_ADDRESS.test(request.socket.remoteAddress ?? "");
  const host = request.headers.host ?? "";
  // A page of another site can point its own name at 127.0.0.1 and read what it likes; the Host header gives it away.
  if (fromHere && isLoopbackListener(request) && !LOOPBACK_HOST.test(host))
    return `the host "${host}" is not this machine`;
  if (request.method === "GET" || request.method === "HEAD") return undefined;
  if (!fromHere) return "changes are taken from this machine only; use nightjar on it";
  return originRefusal(request.headers.origin, host);
}

function isLoopbackListener(request: IncomingMessage): boolean {
  return LOOPBACK_ADDRESS.test(request.socket.localAddress ?? "");
}

/** Browsers send Origin with every change: a page of another site is refused, a program without one is not a browser. */
function originRefusal(origin: string | undefined, host: string): string | undefined {
  if (origin === undefined || origin === `http://${host}`) return undefined;
  return `changes from pages of ${origin} are refused`;
}
