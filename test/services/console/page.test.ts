import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const PUBLIC = join(import.meta.dirname, "../../../services/console/public");
const read = (name: string) => readFileSync(join(PUBLIC, name), "utf8");
const [html, css, script] = [read("index.html"), read("console.css"), read("console.js")];

describe("the console page", () => {
  it("obeys its own content policy: nothing inline, nothing from elsewhere", () => {
    expect(html).not.toMatch(/<script(?![^>]*src=)/);
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=/);
    for (const text of [html, css, script]) expect(text).not.toMatch(/(?:src|href|url)\s*[=(]\s*["']?https?:/);
    expect(script).not.toMatch(/\.style\b|innerHTML|insertAdjacentHTML|\beval\b|new Function/);
  });

  it("has every element that its script looks for", () => {
    const wanted = [...script.matchAll(/byId\("([a-z-]+)"\)/g)].map(([, id]) => id);
    expect(wanted.length).toBeGreaterThan(10);
    for (const id of new Set(wanted)) expect(html, id).toContain(`id="${id}"`);
  });

  it("has a blank picture that a browser takes for a picture", () => {
    const blank = Buffer.from(/BLANK = "data:image\/gif;base64,([^"]+)"/.exec(script)?.[1] ?? "", "base64");
    expect(blank.subarray(0, 6).toString()).toBe("GIF89a");
    // An image block at least, and the trailer of a complete GIF.
    expect(blank).toContain(0x2c);
    expect(blank.at(-1)).toBe(0x3b);
  });

  it("says how a camera without a picture is, and why, in the picture's place", () => {
    expect(html).toMatch(/<span class="veil">.*veil-state.*veil-reason/);
    expect(script).toMatch(/veil-reason"\)\.textContent = playing \? "" : camera\.reason/);
    expect(script).toMatch(/picture\.addEventListener\("error"/);
  });

  it("has a light and a dark look, and fits a phone", () => {
    expect(css).toContain("color-scheme: light dark");
    expect(html).toContain('name="viewport"');
  });

  it("names its pictures and its buttons for those who do not see them", () => {
    for (const [tag] of html.matchAll(/<img [^>]*>/g)) expect(tag).toContain("alt=");
    expect(html).toMatch(/<html lang="en">/);
  });
});
