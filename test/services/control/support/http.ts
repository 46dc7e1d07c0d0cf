/** Requests as a program or a browser makes them: real sockets, every header as the test wants it. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  /** Of the JSON body. */
  readonly json: () => { readonly [name: string]: unknown; readonly error?: { readonly message: string } };
}

/** @param base "http://127.0.0.1:1234/", or the path of a Unix socket. Certificates are not looked at. */
export function ask(base: string, path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answer> {
  const isSocket = base.startsWith("/");
  const url = isSocket ? undefined : new URL(base);
  const where = url === undefined ? { socketPath: base } : { host: url.hostname, port: url.port };
  const send = url?.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const options = { ...where, path, method, headers: { ...headers }, rejectUnauthorized: false, agent: false };
    const outgoing = send(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text,
          json: () => JSON.parse(text),
        });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** What a browser of the page itself sends with a change. */
export const fromPage = (base: string) => ({
  origin: new URL(base).origin,
  "sec-fetch-site": "same-origin",
  "x-nightjar": "console",
  "content-type": "application/json",
});

/** Logs in as a browser does. @returns the answer, and the Cookie header for what follows */
export async function logIn(base: string, user: string, password: string): Promise<{ answer: Answer; cookie: string }> {
  const answer = await ask(base, "/api/login", {
    method: "POST",
    headers: fromPage(base),
    body: JSON.stringify({ user, password }),
  });
  return { answer, cookie: String(answer.headers["set-cookie"] ?? "").split(";")[0] ?? "" };
}
