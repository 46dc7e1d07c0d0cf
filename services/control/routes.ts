/** What a request of the control interface is answered by, besides the table of commands. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "./access.ts";
import type { Role } from "./accounts/account-file.ts";

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly caller: Caller;
  /** Parts of the path, by the template's names. */
  readonly parts: Readonly<Record<string, string>>;
  /** The JSON object of the body; {} when there is none. @throws ExpectedError */
  body(): Promise<Record<string, unknown>>;
  /** The answer goes on until somebody leaves: it ends when the caller's rights do. */
  guard(): void;
}

export interface Route {
  /** GET is asked by HEAD too: then nothing may be started. */
  readonly method: "GET" | "POST";
  /** `:name` takes a part of the path. */
  readonly path: string;
  readonly summary: string;
  /** null: everyone who reaches the address. */
  readonly needs: Role | null;
  /** Content type of the answer. */
  readonly type: string;
  run(exchange: Exchange): void | Promise<void>;
}

/** The parts of `path` that a template like /api/cameras/:id takes; undefined when it does not fit. */
export function matchPath(template: string, path: string): Record<string, string> | undefined {
  const wanted = template.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [i, step] of wanted.entries()) {
    const part = given[i] ?? "";
    if (step.startsWith(":")) parts[step.slice(1)] = decodePart(part);
    else if (step !== part) return undefined;
  }
  return parts;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
