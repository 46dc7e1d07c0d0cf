/** Which message is to blame for the end of connections, and which are not. */
import { expect, it } from "vitest";
import { Suspicion } from "../../../services/publisher/suspicion.ts";

function suspicion() {
  const clock = { now: 0 };
  const one = new Suspicion(() => clock.now);
  /** A connection on which these are sent after its silence, and that ends so long after that. */
  const fails = (keys: string[], tookMs: number) => {
    clock.now += one.silenceMs + 10_000;
    one.sent();
    clock.now += tookMs;
    return one.ended("perhaps", keys);
  };
  return { one, clock, fails };
}

it("blames the message over which connections end, each time as soon as it is sent", () => {
  const { one, fails } = suspicion();
  for (let i = 0; i < 3; i++) expect(fails(["1", "2"], 20)).toBe("none");
  expect(one.isCautious).toBe(true);
  for (let i = 0; i < 4; i++) expect(fails(["1"], 20)).toBe("none");
  expect(fails(["1"], 20)).toBe("message");
});

it("blames nobody when connections end before anything is sent, too", () => {
  const { one, fails } = suspicion();
  for (let i = 0; i < 50; i++) {
    expect(fails(["1"], 20)).toBe("none");
    if (i % 4 === 3) expect(one.ended("perhaps", [])).toBe("none");
  }
});

it("blames nobody for ends with another cause", () => {
  const { one } = suspicion();
  for (let i = 0; i < 50; i++) expect(one.ended("nobody", ["1"])).toBe("none");
  expect(one.silenceMs).toBe(0);
});

it("starts anew when something was acknowledged", () => {
  const { one, fails } = suspicion();
  for (let i = 0; i < 7; i++) fails(["1"], 20);
  one.acknowledged();
  expect(fails(["1"], 20)).toBe("none");
});

it.each(["message", "topic"] as const)("believes a broker that names the %s, once it is alone", (blame) => {
  const { one } = suspicion();
  expect(one.ended(blame, ["1", "2"])).toBe("none");
  expect(one.isCautious).toBe(true);
  expect(one.ended(blame, ["1"])).toBe("none");
  expect(one.ended(blame, ["1"])).toBe(blame);
});

it("is silent for longer where a connection takes longer to end, and finds the message there too", () => {
  const { one, fails } = suspicion();
  const verdicts = Array.from({ length: 12 }, () => fails(["1"], 4000));
  expect(one.silenceMs === 0 || one.silenceMs >= 8000).toBe(true);
  expect(verdicts).toContain("message");
});
