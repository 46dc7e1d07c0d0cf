/** What the troubleshooting page quotes is what Nightjar says. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

/** All that can print a message, with line breaks inside of texts taken out. */
function sources(): string {
  const files = ["services", "firmware"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|cpp|h)$/.test(name))
      .map((name) => join(folder, name)),
  );
  return [...files, "bin/nightjar"].map((file) => readFileSync(file, "utf8")).join("\n");
}

/** The quoted messages, in “ ”. */
function quotes(): string[] {
  const page = readFileSync("docs/troubleshooting.md", "utf8");
  return [...page.matchAll(/“([^”]+)”/g)].map(([, quote = ""]) => quote);
}

it("every quoted message is in the sources", () => {
  const text = sources();
  const found = quotes();
  expect(found.length).toBeGreaterThan(35);
  const missing = found.flatMap((quote) =>
    quote
      .split("…")
      .map((part) => part.replace(/^[\s:;,.()"%]+|[\s:;(]+$/g, ""))
      .filter((part) => part.length >= 8 && !text.includes(part))
      .map((part) => `${quote}\n  not there: ${part}`),
  );
  expect(missing).toEqual([]);
});
