import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { consoleAsset } from "../../../services/console/assets.ts";

const PAGE = join(import.meta.dirname, "../../../services/console/page");
const files = readdirSync(PAGE, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("."));
const textOf = (name: string) => readFileSync(join(PAGE, name), "utf8");
const scripts = files.filter((name) => name.endsWith(".js"));
const html = textOf("index.html");

describe("the files of the console", () => {
  it("are all served, and the page by its directory", async () => {
    for (const name of files) expect((await consoleAsset(`/${name}`))?.body.toString(), name).toBe(textOf(name));
    expect((await consoleAsset("/"))?.type).toBe("text/html; charset=utf-8");
  });

  it("bring uPlot, which the package carries among its modules", async () => {
    const script = await consoleAsset("/vendor/uplot.js");
    expect(script?.type).toBe("text/javascript; charset=utf-8");
    expect(script?.body.toString()).toContain("export { uPlot as default }");
    expect((await consoleAsset("/vendor/uplot.css"))?.type).toBe("text/css; charset=utf-8");
  });

  it("have a tag that follows from their content, and a packed form of the same", async () => {
    const [app, style] = [await consoleAsset("/app.js"), await consoleAsset("/style/base.css")];
    expect(app?.etag).toMatch(/^"[\w-]{22}"$/);
    expect(app?.etag).not.toBe(style?.etag);
    expect(gunzipSync(app!.gzip)).toEqual(app!.body);
  });

  it.each([
    "/nothing.js",
    "/../assets.ts",
    "/tsconfig.json",
    "/lib",
    "/lib/..%2fapp.js",
    "/vendor/../app.js",
    "/api/x",
  ])("are no other files: %s", async (path) => expect(await consoleAsset(path)).toBeUndefined());
});

describe("the page", () => {
  it("obeys its own content policy: nothing inline, nothing from elsewhere", () => {
    expect(html).not.toMatch(/<script(?![^>]*src=)/);
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=/);
    for (const name of files) {
      const text = textOf(name).replaceAll("http://www.w3.org/2000/svg", "");
      expect(text, name).not.toMatch(/(?:src|href|url|fetch|import)\s*[=(]?\s*["'(]https?:/);
      if (name.endsWith(".js")) expect(text, name).not.toMatch(/innerHTML|insertAdjacentHTML|\beval\(|new Function/);
    }
  });

  it("imports and links only files that are there", async () => {
    for (const name of scripts)
      for (const [, target = ""] of textOf(name).matchAll(
        /(?:^import .*?from |^} from |await import\(|=> import\()"([^"]+)"/gm,
      )) {
        const path = target.startsWith("/") ? target : join("/", name, "..", target);
        expect(await consoleAsset(path), `${name}: ${target}`).toBeDefined();
      }
    for (const [, path = ""] of html.matchAll(/(?:href|src)="(\/[^"]*)"/g))
      expect(await consoleAsset(path), path).toBeDefined();
  });

  it("has every element that its scripts look for", () => {
    const wanted = scripts.flatMap((name) => [...textOf(name).matchAll(/byId\("([a-z-]+)"\)/g)].map(([, id]) => id));
    expect(wanted.length).toBeGreaterThan(5);
    for (const id of new Set(wanted)) expect(html, id).toContain(`id="${id}"`);
  });

  it("names no colour outside of its tokens, but over pictures", () => {
    for (const name of files.filter((file) => file.endsWith(".css") && !/tokens|cameras/.test(file)))
      for (const [line] of textOf(name).matchAll(/^.*#[0-9a-f]{3,8}\b.*$/gim))
        expect(line, name).toMatch(/#fff;|#070b0c;/);
  });
});
