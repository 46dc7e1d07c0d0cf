/**
 * Endless data (1.5.2 of the TUF specification): an answer that does not end.
 * What an attacker has is said in each title: the wire alone, or stolen keys.
 */
import { describe, expect, it } from "vitest";
import { scene } from "../support/scene.ts";

const at = scene();

describe("endless data (1.5.2):", () => {
  it.each(["2.root.json", "timestamp.json", "snapshot.json", "releases.json"])(
    "of %s is cut off at its limit",
    async (name) => {
      let sent = 0;
      at.server.trick = (_, response, path) => {
        if (!path.endsWith(name)) return false;
        const more = () => {
          while (!response.destroyed) {
            sent += 65_536;
            if (!response.write(Buffer.alloc(65_536, " "))) break;
          }
        };
        response.on("drain", more).on("error", () => {});
        more();
        return true;
      };
      await expect(at.visitor.visit()).rejects.toThrow(/longer than the \d+ bytes that it may have|Expected length/);
      expect(sent).toBeLessThan(8_000_000);
    },
  );
});
