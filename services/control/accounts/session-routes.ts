/** Logging in and out over HTTP. */
import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import { type Access, type Caller, NOBODY } from "../access.ts";
import { sendError, sendJson } from "../answers.ts";
import type { Exchange, Route } from "../routes.ts";
import { ROLES } from "./account-file.ts";
import type { Login } from "./login.ts";
import { MAX_PASSWORD } from "./password.ts";
import type { Sessions } from "./sessions.ts";

export const sessionView = z.strictObject({
  loginRequired: z.boolean(),
  user: z.string().nullable(),
  role: z.enum(ROLES).nullable(),
  tls: z.boolean(),
  /** One sentence for people; "" when there is nothing to say. */
  reason: z.string(),
});
export type SessionView = z.output<typeof sessionView>;

export const loginInput = z.strictObject({
  user: z.string().min(1).max(64),
  password: z.string().min(1).max(MAX_PASSWORD),
});

export interface SessionParts {
  readonly access: Access;
  readonly login: Login;
  readonly sessions: Sessions;
  readonly isTls: boolean;
}

export function sessionRoutes(parts: SessionParts): Route[] {
  const common = { needs: null, type: "application/json" } as const;
  return [
    {
      ...common,
      method: "GET",
      path: "/api/session",
      summary: "Who asks, and what they may",
      run: ({ request, response, caller }) => sendJson(response, 200, view(request, caller, parts)),
    },
    {
      ...common,
      method: "POST",
      path: "/api/login",
      summary: "Log in: the answer has a session cookie",
      run: (exchange) => logIn(exchange, parts),
    },
    {
      ...common,
      method: "POST",
      path: "/api/logout",
      summary: "End the session",
      run: ({ request, response, caller }) => {
        if (caller.session !== undefined) parts.sessions.end(caller.session);
        response.setHeader("set-cookie", parts.access.cookieOf(""));
        sendJson(response, 200, view(request, caller.session === undefined ? caller : NOBODY, parts));
      },
    },
  ];
}

async function logIn({ request, response, caller, body }: Exchange, parts: SessionParts): Promise<void> {
  const { login, sessions, access } = parts;
  const input = loginInput.safeParse(await body());
  if (!input.success) throw new ExpectedError(EXIT.usage, 'expected {"user": …, "password": …}');
  const { user, password } = input.data;
  const answer = await login.try(user, password, request.socket.remoteAddress ?? "");
  if (answer.ok) {
    if (caller.session !== undefined) sessions.end(caller.session);
    response.setHeader("set-cookie", access.cookieOf(answer.token));
    const session = sessions.find(answer.token);
    const found = { via: "session", user: session?.user ?? null, role: session?.role ?? null } as const;
    return sendJson(response, 200, view(request, found, parts));
  }
  if (answer.reason === "wrong") return sendError(response, 401, "user or password is wrong");
  const seconds = Math.ceil(answer.waitMs / 1000);
  response.setHeader("retry-after", String(seconds));
  sendError(response, 429, `too many tries; wait ${seconds} s`);
}

function view(request: IncomingMessage, { via, user, role }: Caller, { access, isTls }: SessionParts): SessionView {
  const reason =
    via === "machine"
      ? "there are no users: everyone on this machine may look and change (nightjar user add makes users)"
      : role === null
        ? access.whyNobody(request)
        : "";
  return { loginRequired: role === null, user, role, tls: isTls, reason };
}
