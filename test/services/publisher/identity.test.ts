import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { identityOf, identityProperties, withIdentity } from "../../../services/publisher/identity.ts";

const identity = { device: "gate-1", epoch: "00ff00ff00ff00ff", sequence: 7 };

it("is the last member of the document, and leaves the rest byte for byte as it was", () => {
  const document = readFileSync(join(import.meta.dirname, "../../firmware/plugin/msgconv/golden/frame-minimal.json"));
  const marked = withIdentity(document, identity).toString();
  const body = document.toString().slice(0, -2);
  expect(marked.startsWith(`${body},\n  "nightjarMessage" : {\n    "device" : "gate-1",`)).toBe(true);
  expect(JSON.parse(marked)).toEqual({ ...JSON.parse(document.toString()), nightjarMessage: identity });
});

it("is printed on one line where the document is", () => {
  expect(withIdentity(Buffer.from('{"a":1}'), identity).toString()).toBe(
    '{"a":1,"nightjarMessage":{"device":"gate-1","epoch":"00ff00ff00ff00ff","sequence":7}}',
  );
});

it.each(["{}", "{ }", '{"a":{}}', '{"a":[1,2]}\n'])("can be added to %j", (text) => {
  const marked = JSON.parse(withIdentity(Buffer.from(text), identity).toString());
  expect(marked).toEqual({ ...JSON.parse(text), nightjarMessage: identity });
});

it.each(["", "[1]", "plain text", "\u0000\u0001"])("leaves %j alone, which is no JSON object", (text) => {
  expect(withIdentity(Buffer.from(text), identity).toString()).toBe(text);
});

it("is read from user properties first, then from the document", () => {
  const other = { ...identity, sequence: 8 };
  expect(identityOf(identityProperties(identity), { nightjarMessage: other })).toEqual(identity);
  expect(identityOf(undefined, { nightjarMessage: other })).toEqual(other);
  expect(identityOf(undefined, { objects: [] })).toBeUndefined();
  expect(identityOf({}, undefined)).toBeUndefined();
});
