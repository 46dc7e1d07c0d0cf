import { expect, it } from "vitest";
import { Throttle } from "../../../../services/control/accounts/throttle.ts";

function setUp() {
  const clock = { now: 1_000_000 };
  const throttle = new Throttle(() => clock.now);
  const fail = (times: number, address = "192.0.2.7", user = "ann") => {
    for (let i = 0; i < times; i++) {
      clock.now += throttle.waitMs(address, user);
      throttle.tried(address, user);
    }
    return throttle.waitMs(address, user);
  };
  return { clock, throttle, fail };
}

it("the first three failures cost nothing, and each one after that twice as much", () => {
  const { fail } = setUp();
  expect([fail(3), fail(1), fail(1), fail(1)]).toEqual([0, 1000, 2000, 4000]);
});

it("an address waits for a quarter of an hour at most, whatever users it tries", () => {
  const { throttle, clock } = setUp();
  for (let i = 0; i < 40; i++) {
    clock.now += throttle.waitMs("192.0.2.7", `user-${i}`);
    throttle.tried("192.0.2.7", `user-${i}`);
  }
  expect(throttle.waitMs("192.0.2.7", "somebody else")).toBe(15 * 60_000);
  expect(throttle.waitMs("192.0.2.8", "somebody else")).toBe(0);
});

it("a user who is guessed at from many addresses waits, but half a minute at most", () => {
  const { throttle, clock } = setUp();
  for (let i = 0; i < 40; i++) {
    clock.now += throttle.waitMs(`192.0.2.${i}`, "ann");
    throttle.tried(`192.0.2.${i}`, "ann");
  }
  expect(throttle.waitMs("198.51.100.1", "ann")).toBe(30_000);
});

it("all addresses of an IPv6 network are one, and so are the two forms of an IPv4 address", () => {
  const { throttle, fail } = setUp();
  fail(4, "2001:db8:1:2::7");
  expect(throttle.waitMs("2001:db8:1:2:ffff:eeee:dddd:1", "bob")).toBe(1000);
  expect(throttle.waitMs("2001:db8:1:3::7", "bob")).toBe(0);
  fail(4, "::ffff:192.0.2.9", "carl");
  expect(throttle.waitMs("192.0.2.9", "bob")).toBe(1000);
});

it("a login that succeeds, or an hour, makes up for it", () => {
  const { throttle, clock, fail } = setUp();
  fail(6);
  throttle.succeeded("192.0.2.7", "ann");
  expect(throttle.waitMs("192.0.2.7", "ann")).toBe(0);
  fail(6);
  clock.now += 3600_000;
  expect(fail(1)).toBe(0);
});

it("remembers so much and no more, however many users are made up", () => {
  const { throttle } = setUp();
  for (let i = 0; i < 4; i++) throttle.tried("192.0.2.7", "ann");
  for (let i = 0; i < 20_000; i++) throttle.tried(`198.51.${i >> 8}.${i & 255}`, `made-up-${i}`);
  expect(throttle.waitMs("192.0.2.7", "ann")).toBe(0);
});
