import { describe, expect, it } from "vitest";
import { canPaint, frameText } from "../../../../services/cli/view/screen.ts";

const ESC = "\u001b[";

describe("from one frame to the next", () => {
  it("the first is written whole", () => {
    expect(frameText(undefined, ["a", "b"])).toBe(`${ESC}2J${ESC}1;1Ha${ESC}K${ESC}2;1Hb${ESC}K`);
  });

  it("only lines that changed are written", () => {
    expect(frameText(["a", "b", "c"], ["a", "x", "c"])).toBe(`${ESC}2;1Hx${ESC}K`);
  });

  it("nothing is written when nothing changed", () => {
    expect(frameText(["a"], ["a"])).toBe("");
  });

  it("lines that are gone are cleared", () => {
    expect(frameText(["a", "b"], ["a"])).toBe(`${ESC}2;1H${ESC}K`);
  });
});

it("is used only where a terminal understands it", () => {
  expect(canPaint({ isTTY: true }, "xterm-256color")).toBe(true);
  expect(canPaint({ isTTY: true }, "dumb")).toBe(false);
  expect(canPaint({}, "xterm")).toBe(false);
});
