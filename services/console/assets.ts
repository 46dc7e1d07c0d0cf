/**
 * The files of the console page, for whoever serves them: everything below page/ under its own path, and the two files of uPlot that the
 * charts need. Nothing is built: the browser gets the files that are here.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { codeOf } from "../log/errors.ts";

export interface Asset {
  readonly body: Buffer;
  readonly gzip: Buffer;
  /** Of content-type. */
  readonly type: string;
  /** Follows from the content alone, with its quotes. */
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

const PAGE = join(import.meta.dirname, "page");
/** Plain names only: nothing leads out of the directory. */
const NAME = /^\/(?:[a-z0-9-]+\/)*[a-z0-9-]+\.(html|css|js|svg)$/;

const VENDOR: Readonly<Record<string, string>> = {
  "/vendor/uplot.js": "uPlot.esm.js",
  "/vendor/uplot.css": "uPlot.min.css",
};

const compress = promisify(gzip);
/** By path; `stamp` tells whether the file has changed since, as it does while somebody works on the page. */
const known = new Map<string, { readonly stamp: string; readonly asset: Asset }>();

/** @returns undefined when the page has no such file. */
export async function consoleAsset(path: string): Promise<Asset | undefined> {
  const name = path === "/" ? "/index.html" : path;
  const type = TYPES[NAME.exec(name)?.[1] ?? ""];
  if (type === undefined) return undefined;
  const file = fileOf(name);
  try {
    const { mtimeMs, size } = await stat(file);
    const stamp = `${mtimeMs} ${size}`;
    const before = known.get(name);
    if (before?.stamp === stamp) return before.asset;
    const asset = await assetOf(file, type);
    known.set(name, { stamp, asset });
    return asset;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function fileOf(name: string): string {
  const vendor = VENDOR[name];
  if (vendor === undefined) return join(PAGE, name);
  return join(dirname(createRequire(import.meta.url).resolve("uplot")), vendor);
}

async function assetOf(file: string, type: string): Promise<Asset> {
  const body = await readFile(file);
  const digest = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return { body, gzip: await compress(body), type, etag: `"${digest}"` };
}
