/** Where a repository is published: a directory, a server that takes HTTP PUT, or a bucket with S3's interface. */
import { createHash, createHmac } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import { replaceFile } from "../durable.ts";
import { shown } from "../transport.ts";
import type { Destination } from "./publish.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A version or a content in the name: it never changes. The timestamp must not be kept by any cache. */
const FOR_EVER = "public, max-age=31536000, immutable";
const NEVER = "no-cache";

/**
 * @param place a directory, http(s)://HOST/PATH, or s3://BUCKET/PREFIX (region, keys and, for others than Amazon, the address from
 * AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_ENDPOINT_URL)
 * @throws ExpectedError
 */
export function destinationOf(place: string, env: Environment = process.env): Destination {
  if (place.startsWith("s3://")) return bucket(place, env);
  if (/^https?:\/\//.test(place)) return webServer(place, env);
  return directory(resolve(place));
}

function directory(path: string): Destination {
  return {
    name: path,
    sizeOf: async (name) => (existsSync(join(path, name)) ? statSync(join(path, name)).size : undefined),
    put: async (name, bytes) => replaceFile(join(path, name), bytes),
  };
}

/** PUT and HEAD, with `Authorization: Bearer …` from NIGHTJAR_PUBLISH_TOKEN when it is set. */
function webServer(base: string, env: Environment): Destination {
  const token = env["NIGHTJAR_PUBLISH_TOKEN"];
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return requesting(
    shown(base),
    (name) => joined(base, name),
    () => authorization,
  );
}

function bucket(place: string, env: Environment): Destination {
  const { hostname, pathname } = new URL(place);
  const prefix = pathname.replace(/^\/|\/$/g, "");
  const need = (name: string) => {
    const value = env[name];
    if (value !== undefined && value !== "") return value;
    throw new ExpectedError(
      EXIT.configuration,
      `${place}: ${name} is not set; expected the credentials of the bucket in the environment`,
    );
  };
  const credentials = {
    key: need("AWS_ACCESS_KEY_ID"),
    secret: need("AWS_SECRET_ACCESS_KEY"),
    token: env["AWS_SESSION_TOKEN"],
  };
  const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "us-east-1";
  const endpoint = env["AWS_ENDPOINT_URL"] ?? `https://s3.${region}.amazonaws.com`;
  const urlOf = (name: string) => joined(endpoint, [hostname, prefix, name].filter((part) => part !== "").join("/"));
  return requesting(place, urlOf, (method, url, bytes) =>
    signedHeaders({ method, url, bytes, region, credentials, now: new Date() }),
  );
}

type Authorize = (method: string, url: URL, bytes: Uint8Array) => Record<string, string>;

function requesting(name: string, urlOf: (path: string) => URL, authorize: Authorize): Destination {
  const ask = async (method: string, path: string, bytes: Uint8Array, headers: Record<string, string>) => {
    const url = urlOf(path);
    const body = method === "PUT" ? { body: Buffer.from(bytes) } : {};
    try {
      return await fetch(url, {
        method,
        headers: { ...headers, ...authorize(method, url, bytes) },
        redirect: "error",
        ...body,
      });
    } catch (error) {
      const why = messageOf((error as { cause?: unknown }).cause ?? error);
      throw new ExpectedError(EXIT.unreachable, `${name}: ${method} ${path} failed: ${why}`, { cause: error });
    }
  };
  return {
    name,
    sizeOf: async (path) => {
      const answer = await ask("HEAD", path, new Uint8Array(), {});
      return answer.ok ? Number(answer.headers.get("content-length")) : undefined;
    },
    put: async (path, bytes, { type, isImmutable }) => {
      const headers = { "content-type": type, "cache-control": isImmutable ? FOR_EVER : NEVER };
      const answer = await ask("PUT", path, bytes, headers);
      if (answer.ok) return;
      const why = (await answer.text()).trim().slice(0, 200);
      throw new ExpectedError(
        EXIT.unreachable,
        `${name}: PUT ${path} is answered with ${answer.status}${why === "" ? "" : `: ${why}`}; nothing that was published before is touched`,
      );
    },
  };
}

function joined(base: string, path: string): URL {
  return new URL(path.split("/").map(encodeURIComponent).join("/"), base.endsWith("/") ? base : `${base}/`);
}

export interface SigningInput {
  readonly method: string;
  readonly url: URL;
  readonly bytes: Uint8Array;
  readonly region: string;
  readonly credentials: { readonly key: string; readonly secret: string; readonly token?: string | undefined };
  readonly now: Date;
  /** More headers to sign, in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** AWS Signature Version 4 for S3 (docs.aws.amazon.com, "Authenticating requests"). @returns the headers to send */
export function signedHeaders({
  method,
  url,
  bytes,
  region,
  credentials,
  now,
  headers = {},
}: SigningInput): Record<string, string> {
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const content = createHash("sha256").update(bytes).digest("hex");
  const token: Record<string, string> =
    credentials.token === undefined ? {} : { "x-amz-security-token": credentials.token };
  const sent: Record<string, string> = { ...headers, "x-amz-content-sha256": content, "x-amz-date": time, ...token };
  const all: [string, string][] = Object.entries({ ...sent, host: url.host }).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = all.map(([name]) => name).join(";");
  const canonical = [
    method,
    url.pathname,
    url.search.slice(1),
    ...all.map(([name, value]) => `${name}:${value}`),
    "",
    names,
    content,
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const key = scope
    .split("/")
    .reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${credentials.secret}`);
  const signature = hmac(key, text).toString("hex");
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.key}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
