/** What one caller may take of the control interface, and all of them together. */
import type { Server } from "node:http";

/** The longest command is a camera with its zones. */
export const MAX_BODY_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_HEADERS = 64;

/** A browser opens six, a page of many cameras asks for a picture of each. */
const MAX_CONNECTIONS = 256;
/** Of one address other than this machine: a single one cannot take all. */
const MAX_CONNECTIONS_OF_ADDRESS = 64;

/** From the connection to the end of the headers, to the end of the body, and of a TLS handshake. Milliseconds. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const HANDSHAKE_MS = 10_000;
/** Between two requests of a connection. Milliseconds. */
const KEEP_ALIVE_MS = 10_000;
/** How often connections are looked at for these. Milliseconds. */
const LOOK_MS = 2000;
/** Nothing is sent nor received: the other side is gone, or does not read. Streams say something more often. Milliseconds. */
const SILENCE_MS = 60_000;

/** Listeners of news at a time. */
export const MAX_LISTENERS = 64;

export const SERVER_OPTIONS = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: HEADERS_MS,
  requestTimeout: REQUEST_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: LOOK_MS,
} as const;

export const TLS_OPTIONS = { minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_MS } as const;

/** @param isLocal addresses that are not counted: a proxy of this machine brings everybody */
export function limitConnections(server: Server, isLocal: (address: string) => boolean): void {
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = MAX_HEADERS;
  server.timeout = SILENCE_MS;
  const open = new Map<string, number>();
  server.on("connection", (socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (open.get(address) ?? 0) + 1;
    if (count > MAX_CONNECTIONS_OF_ADDRESS && !isLocal(address)) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
