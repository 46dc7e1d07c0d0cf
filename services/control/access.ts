/**
 * Who asks, and what they may. A request passes four gates: the host it names (a page of another site may point its own name here),
 * who it is (cookie, token, this machine), where it comes from (for browsers say so), and the role.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { isLoopbackHost } from "../config/listen.ts";
import type { AccountFile, Role } from "./accounts/account-file.ts";
import type { Sessions } from "./accounts/sessions.ts";

/** How a request came in: through the Unix socket (guarded by file permissions) or a TCP port. */
export type Door = "socket" | "tcp";

export interface Caller {
  readonly via: "socket" | "machine" | "session" | "token" | "nobody";
  /** Of a session: its user; of a token: its name. */
  readonly user: string | null;
  readonly role: Role | null;
  /** Of a session: the cookie's value. */
  readonly session?: string;
}

export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
}

export interface AccessParts {
  readonly accounts: AccountFile;
  readonly sessions: Sessions;
  /** Names under which the console is called, lower case, without port. */
  readonly hosts: readonly string[];
  /** The console is served on an address of this machine only. */
  readonly isLocal: boolean;
  readonly isTls: boolean;
}

/** Browsers take a cookie of this beginning only over TLS, for this host, from this host. */
const TLS_COOKIE = "__Host-nightjar";
const PLAIN_COOKIE = "nightjar";
/** Every change of a browser carries it: a form of another site cannot, and a script of one would have to ask first. */
const CHANGE_HEADER = "x-nightjar";

const PROXY_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

export const NOBODY: Caller = { via: "nobody", user: null, role: null };

export class Access {
  readonly #parts: AccessParts;

  constructor(parts: AccessParts) {
    this.#parts = parts;
  }

  /** Why nobody is answered who calls by this name; undefined when it is one of ours. */
  hostRefusal(request: IncomingMessage, door: Door): Refusal | undefined {
    if (door === "socket" || this.#isOurHost(request)) return undefined;
    const host = request.headers.host ?? "";
    const message = `the host "${host}" is not this machine; add it to console.hosts if it should be`;
    return { status: 403, message };
  }

  caller(request: IncomingMessage, door: Door): Caller {
    if (door === "socket") return { via: "socket", user: null, role: "operator" };
    const { accounts, sessions } = this.#parts;
    const bearer = /^Bearer +([\w.~+/=-]{1,256})$/i.exec(request.headers.authorization ?? "")?.[1];
    if (bearer !== undefined) {
      const token = accounts.token(bearer);
      return token === undefined ? NOBODY : { via: "token", user: token.name, role: token.role };
    }
    const cookie = this.#cookie(request);
    const session = cookie === undefined ? undefined : sessions.find(cookie);
    if (cookie !== undefined && session !== undefined)
      return { via: "session", user: session.user, role: session.role, session: cookie };
    return this.isOpen && isFromHere(request) ? { via: "machine", user: null, role: "operator" } : NOBODY;
  }

  /** Nobody has to log in, for there is nobody: on this machine only. */
  get isOpen(): boolean {
    return this.#parts.isLocal && this.#parts.accounts.isEmpty;
  }

  /** Whether a caller of a stream still is who it was: sessions end, tokens and users are removed, the first user is made. */
  stillIs(caller: Caller, request: IncomingMessage): boolean {
    if (caller.session !== undefined) return this.#parts.sessions.isAlive(caller.session);
    if (caller.via === "socket") return true;
    return this.caller(request, "tcp").via === caller.via;
  }

  /** Why a caller may not do that; undefined when it may. `needs`: null for what is open to everyone. */
  refusal(request: IncomingMessage, caller: Caller, needs: Role | null): Refusal | undefined {
    if (caller.via === "socket") return undefined;
    const isChange = request.method !== "GET" && request.method !== "HEAD";
    if (needs !== null && caller.role === null) return { status: 401, message: this.whyNobody(request) };
    const foreign = needs === null && !isChange ? undefined : foreignRefusal(request, isChange, this.#parts.isTls);
    if (foreign !== undefined) return { status: 403, message: foreign };
    if (needs === "operator" && caller.role !== "operator")
      return {
        status: 403,
        message: `${caller.user ?? "this caller"} may look, but not change: that takes the role operator`,
      };
    return undefined;
  }

  /** The Set-Cookie of a session; "" ends it. */
  cookieOf(token: string): string {
    const { isTls } = this.#parts;
    const name = isTls ? TLS_COOKIE : PLAIN_COOKIE;
    const end = token === "" ? "; Max-Age=0" : "";
    return `${name}=${token}; Path=/; HttpOnly; SameSite=Strict${isTls ? "; Secure" : ""}${end}`;
  }

  #cookie({ headers }: IncomingMessage): string | undefined {
    const name = this.#parts.isTls ? TLS_COOKIE : PLAIN_COOKIE;
    const parts = (headers.cookie ?? "").split(";").map((part) => part.trim());
    return parts.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
  }

  /** What somebody without rights has to do. */
  whyNobody(request: IncomingMessage): string {
    const { accounts } = this.#parts;
    if (accounts.problem !== "") return accounts.problem;
    if (!accounts.isEmpty) return "log in first (or send a token: Authorization: Bearer …)";
    if (isProxied(request))
      return "this came through a proxy, so that it may be from anywhere; make a user on the device: nightjar user add";
    return "there are no users yet; make one on the device: nightjar user add";
  }

  #isOurHost(request: IncomingMessage): boolean {
    const host = hostOf(request.headers.host ?? "");
    if (host === undefined) return false;
    if (this.#parts.hosts.includes(host)) return true;
    // Only a name can be pointed elsewhere. By another address than its own, a loopback port is reached through a proxy only.
    const isAddress = isIP(host) !== 0;
    return isLoopbackListener(request) ? isLoopbackHost(host) : isAddress || isLoopbackHost(host);
  }
}

/** The request is of a program of this machine, and not of a proxy on it. */
function isFromHere(request: IncomingMessage): boolean {
  return isLoopbackHost(request.socket.remoteAddress ?? "") && isLoopbackListener(request) && !isProxied(request);
}

function isProxied({ headers }: IncomingMessage): boolean {
  return PROXY_HEADERS.some((name) => headers[name] !== undefined);
}

function isLoopbackListener(request: IncomingMessage): boolean {
  return isLoopbackHost(request.socket.localAddress ?? "");
}

/** A browser says where a request comes from. A program says nothing, and cannot be made to send one by a page. */
function foreignRefusal({ headers }: IncomingMessage, isChange: boolean, isTls: boolean): string | undefined {
  const site = headers["sec-fetch-site"];
  // same-site is another port of this host, or another host of its domain: not us.
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return `requests from pages of other sites (${String(site)}) are refused`;
  const { origin } = headers;
  if (origin !== undefined && !isOwnOrigin(origin, headers.host ?? "", isTls))
    return `requests from pages of ${origin} are refused`;
  const isBrowser = site !== undefined || origin !== undefined || headers.cookie !== undefined;
  if (isChange && isBrowser && headers[CHANGE_HEADER] === undefined)
    return `changes from browsers carry the header ${CHANGE_HEADER}, and this has none`;
  return undefined;
}

/** A proxy may speak TLS before us, never the other way round. */
function isOwnOrigin(origin: string, host: string, isTls: boolean): boolean {
  return origin === `https://${host}` || (!isTls && origin === `http://${host}`);
}

/** The name of a Host header, lower case, without port and brackets; undefined when it is none. */
function hostOf(header: string): string | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header);
  return (found?.[1] ?? found?.[2])?.toLowerCase();
}
