import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FRAME } from "../../../firmware/link/protocol.ts";
import { waitUntil } from "../../support/wait.ts";
import { analyzeBundle, module } from "./support/bundles.ts";
import { TestHost } from "./support/host.ts";

const host = new TestHost();

beforeAll(() => host.start());
afterEach(() => host.disconnect());
afterAll(() => host.close());

const yard = {
  name: "yard",
  type: "region",
  points: [
    [0, 0],
    [1, 0],
    [1, 1],
  ],
  settle: 0,
};

async function open(zones: unknown) {
  const element = host.connect();
  const bundle = analyzeBundle(await module("zones"), { name: "zones", limits: { "aux-bytes": 65_536 } });
  const answer = await element.open({ kind: "analyze", bundle, parameters: { zones } });
  let time = 0n;
  /** Name and count of each zone after a frame with one object. */
  const counts = async () => {
    time += 100_000_000n;
    const slot = await element.run([
      { pts: time, objects: [{ left: 600, top: 50, width: 40, height: 80, objectId: 1n }] },
    ]);
    const at = slot.frameWord(0, FRAME.user);
    const text = Buffer.from(slot.auxOut[0]!.subarray(at, at + slot.frameWord(0, FRAME.userBytes))).toString();
    element.release(slot);
    return text === ""
      ? []
      : (JSON.parse(text) as { zones: { name: string; in: number }[] }).zones.map((z) => `${z.name} ${z.in}`);
  };
  return { element, answer, counts };
}

describe("zones in a running host", () => {
  it("come as a list, or as its text, and their counts are on the frame", async () => {
    for (const zones of [[yard], JSON.stringify([yard])])
      expect(await (await open(zones)).counts()).toEqual(["yard 1"]);
  });

  it("change while frames come, and keep what they have counted", async () => {
    const { element, counts } = await open([yard]);
    expect(await counts()).toEqual(["yard 1"]);
    element.send({ type: "parameters", parameters: { zones: [yard, { ...yard, name: "second" }] } });
    await waitUntil("both are there", async () => (await counts()).join() === "yard 1,second 1");
  });

  it("stay as they are when new ones are wrong, with one clear line", async () => {
    const { element, counts } = await open([yard]);
    await counts();
    element.send({ type: "parameters", parameters: { zones: [{ ...yard, points: [[0, 7]] }] } });
    await waitUntil("it is logged", async () => {
      await counts();
      return host.log.some((text) => /zones\[0\] \(yard\): points: expected .*; the parameters stay/.test(text));
    });
    expect(await counts()).toEqual(["yard 1"]);
    element.send({ type: "parameters", parameters: { zones: [] } });
    await waitUntil("none is left", async () => (await counts()).length === 0);
  });

  it("are refused when the element opens with wrong ones", async () => {
    const { answer } = await open([{ ...yard, type: "circle" }]);
    expect(answer).toMatchObject({
      type: "refused",
      code: "parameters",
      message: expect.stringContaining("(yard): type"),
    });
  });
});
