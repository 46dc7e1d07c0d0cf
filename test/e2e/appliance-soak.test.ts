// The short form of `make soak`: the same world with its faults closer together.
import { expect, it } from "vitest";
import { Soak, soakFaults } from "../support/soak.ts";

const isLong = process.env["NIGHTJAR_LONG"] === "1";
const durationMs = isLong ? 900_000 : 60_000;

it(
  `loses nothing and comes back in ${durationMs / 1000} s of cameras, broker, processes and power failing`,
  async () => {
    const told: string[] = [];
    const soak = new Soak({
      durationMs,
      pauseMs: 4000,
      // Has a camera, the broker, a process and the power fail within the short time.
      seed: 909,
      rowMs: 10_000,
      onRow: (row) => told.push(JSON.stringify(row)),
      onFault: (text) => told.push(text),
    });
    const summary = await soak.run();
    expect(soakFaults(summary), told.join("\n")).toEqual([]);
    expect(Object.keys(summary.faults).length).toBeGreaterThan(2);
  },
  durationMs * 4 + 240_000,
);
