import { describe, expect, it } from "vitest";
import { expectGoodPassword, hashPassword, isPassword } from "../../../../services/control/accounts/password.ts";

describe("a password", () => {
  it("is known again, however its accents were typed, and no other is", async () => {
    const entry = await hashPassword("caf\u00e9 au lait");
    expect(await isPassword("cafe\u0301 au lait", entry)).toBe(true);
    expect(await isPassword("cafe au lait", entry)).toBe(false);
  });

  it("is hashed with a salt of its own", async () => {
    const [one, other] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
    expect(one.hash).not.toBe(other.hash);
    expect(JSON.stringify(one)).not.toContain("correct");
  });

  it("that was hashed with less cost is still known", async () => {
    // RFC 7914, section 12: scrypt("password", "NaCl", N = 1024, r = 8, p = 16, 64 bytes).
    const hash = Buffer.from(
      "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
      "hex",
    ).toString("base64");
    const entry = { N: 1024, r: 8, p: 16, salt: Buffer.from("NaCl").toString("base64"), hash };
    expect(await isPassword("password", entry)).toBe(true);
  });

  it("of nobody takes as long to refuse as that of somebody", async () => {
    const entry = await hashPassword("correct horse");
    const timeOf = async (of: typeof entry | undefined) => {
      const begin = performance.now();
      expect(await isPassword("wrong horse", of)).toBe(false);
      return performance.now() - begin;
    };
    const [known, unknown]: [number[], number[]] = [[], []];
    for (let i = 0; i < 3; i++) {
      known.push(await timeOf(entry));
      unknown.push(await timeOf(undefined));
    }
    // The least of three: what else runs on the machine only adds to it.
    const ratio = Math.min(...unknown) / Math.min(...known);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });

  it.each([
    ["short", "it has 5 characters, expected 10 to 256"],
    ["xx ann-2026 xx", "the user's name is in it"],
    ["aaaaaaaaaaaa", "it has fewer than 5 different characters"],
  ])("%s cannot be used", (password, why) => {
    expect(() => expectGoodPassword(password, "Ann")).toThrow(why);
  });
});
