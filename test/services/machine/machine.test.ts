import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lifeUsed } from "../../../services/machine/flash.ts";
import { Machine } from "../../../services/machine/machine.ts";
import { powerMode } from "../../../services/machine/power.ts";
import { Thermometers } from "../../../services/machine/temperatures.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-machine-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text}\n`);
  return path;
}

it("one disk is one, whatever lies on it; a directory that is not there is left out", async () => {
  mkdirSync(join(folder, "outbox"));
  const { disks, memory, load, cores } = await new Machine({
    state: folder,
    outbox: join(folder, "outbox"),
    evidence: join(folder, "none"),
  }).look();
  expect(disks).toEqual([
    { path: folder, roles: ["state", "outbox"], totalBytes: expect.any(Number), freeBytes: expect.any(Number) },
  ]);
  expect(disks[0]!.freeBytes).toBeLessThan(disks[0]!.totalBytes);
  expect(memory.availableBytes).toBeLessThanOrEqual(memory.totalBytes);
  expect(load).toHaveLength(3);
  expect(cores).toBeGreaterThan(0);
});

it("temperatures come with the one at which the machine turns itself off; a zone that says nothing is left out", async () => {
  file("thermal_zone0/type", "cpu-thermal");
  file("thermal_zone0/temp", "51250");
  file("thermal_zone0/trip_point_0_type", "passive");
  file("thermal_zone0/trip_point_0_temp", "95000");
  file("thermal_zone0/trip_point_1_type", "critical");
  file("thermal_zone0/trip_point_1_temp", "104500");
  file("thermal_zone1/type", "gpu-thermal");
  file("thermal_zone10/type", "tj-thermal");
  file("thermal_zone10/temp", "48000");
  expect(await new Thermometers(folder).read()).toEqual([
    { name: "cpu-thermal", celsius: 51.3, criticalCelsius: 104.5 },
    { name: "tj-thermal", celsius: 48, criticalCelsius: null },
  ]);
  expect(await new Thermometers(join(folder, "none")).read()).toEqual([]);
});

it("the power mode of a Jetson has the name that nvpmodel gives it, and elsewhere it is the governor", async () => {
  const modes = file(
    "nvpmodel.conf",
    "< POWER_MODEL ID=0 NAME=MAXN >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=2 NAME=MODE_15W_6CORE >",
  );
  const status = file("status", "pmode:0002 fmode:quiet");
  const governor = file("governor", "schedutil");
  const none = join(folder, "none");
  expect(await powerMode({ status, modes, governor })).toBe("15W_6CORE");
  expect(await powerMode({ status, modes: none, governor })).toBe("mode 2");
  expect(await powerMode({ status: none, modes, governor })).toBe("governor schedutil");
  expect(await powerMode({ status: none, modes, governor: none })).toBeNull();
});

it("the wear of an eMMC is that of its worse part; other disks do not say", async () => {
  expect(await lifeUsed(file("life_time", "0x02 0x0b"))).toBe(1.1);
  expect(await lifeUsed(file("life_time", "0x00 0x00"))).toBeNull();
  expect(await lifeUsed(join(folder, "none"))).toBeNull();
});
