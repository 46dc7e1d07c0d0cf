/** What the doctor reads of a machine, from files as kernels and drivers write them. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  clockFinding,
  driverFinding,
  flashFindings,
  hardware,
  libraryFinding,
  powerFinding,
  rightsFindings,
  temperatureFinding,
} from "../../../services/cli/doctor/hardware.ts";
import { parseConfig } from "../../../services/config/load.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nightjar-hardware-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

describe("the driver", () => {
  it.each([
    ["NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri May 31 09:35:42 UTC 2024\n", "550.90.07"],
    ["NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\n", "580.159.04"],
  ])("of a PC is read from the kernel module", (text, version) => {
    expect(driverFinding(put({ "proc/driver/nvidia/version": text }), true)).toMatchObject({
      status: "ok",
      found: version,
    });
  });

  it("of a Jetson is its release", () => {
    put({ "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64\n" });
    expect(driverFinding(root, true).found).toBe("Jetson Linux 36.4.3");
  });

  it("is missing only where the profile needs one", () => {
    expect(driverFinding(root, false).status).toBe("ok");
    expect(driverFinding(root, true)).toMatchObject({
      status: "missing",
      remedy: expect.stringContaining("profile: portable"),
    });
  });
});

describe("libraries", () => {
  const tensorrt = (isNeeded: boolean) => libraryFinding(root, "TensorRT", /^libnvinfer\.so\.([\d.]+)$/, isNeeded);

  it("tell their version by the longest of their names", () => {
    put({
      "usr/lib/aarch64-linux-gnu/libnvinfer.so.10": "",
      "usr/lib/aarch64-linux-gnu/libnvinfer.so.10.3.0": "",
      "usr/lib/aarch64-linux-gnu/libnvinfer_plugin.so.9.9.9": "",
    });
    expect(tensorrt(true)).toMatchObject({ status: "ok", found: "10.3.0 in /usr/lib/aarch64-linux-gnu" });
  });

  it("are missing only where they are needed", () => {
    expect([tensorrt(true).status, tensorrt(false).status]).toEqual(["missing", "ok"]);
  });
});

describe("the power mode", () => {
  it("of a Jetson has its name", async () => {
    put({
      "var/lib/nvpmodel/status": "pmode:0002 fmode:quiet",
      "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=2 NAME=MODE_15W >\n",
    });
    expect(await powerFinding(root)).toMatchObject({ status: "ok", found: "15W" });
  });

  it("that keeps a processor slow is a warning", async () => {
    put({ "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n" });
    expect(await powerFinding(root)).toMatchObject({ status: "warning", found: "governor powersave" });
  });
});

describe("temperatures", () => {
  const zone = (number: number, type: string, now: number, critical: number) => ({
    [`sys/class/thermal/thermal_zone${number}/type`]: `${type}\n`,
    [`sys/class/thermal/thermal_zone${number}/temp`]: `${now}\n`,
    [`sys/class/thermal/thermal_zone${number}/trip_point_0_type`]: "critical\n",
    [`sys/class/thermal/thermal_zone${number}/trip_point_0_temp`]: `${critical}\n`,
  });

  it("far from the end show the hottest place", async () => {
    put({ ...zone(0, "cpu-thermal", 51_500, 104_500), ...zone(1, "gpu-thermal", 62_200, 104_500) });
    expect(await temperatureFinding(root)).toMatchObject({ status: "ok", found: "62.2 °C (gpu-thermal)" });
  });

  it("close to where the machine turns itself off are a warning", async () => {
    put({ ...zone(0, "cpu-thermal", 97_000, 104_500) });
    expect(await temperatureFinding(root)).toMatchObject({
      status: "warning",
      found: "cpu-thermal has 97 °C, the machine turns itself off at 104.5 °C",
    });
  });
});

describe("the life of flash", () => {
  it.each([
    ["0x02 0x03\n", "0x01\n", "ok", "30 % used"],
    ["0x09 0x01\n", "0x01\n", "warning", "90 % used"],
    ["0x01 0x01\n", "0x02\n", "warning", "10 % used; 80 % of its reserved blocks are used"],
  ])("of %j with reserve %j is %s", async (life, reserve, status, found) => {
    put({ "sys/block/mmcblk1/device/life_time": life, "sys/block/mmcblk1/device/pre_eol_info": reserve });
    expect(await flashFindings(root)).toEqual([expect.objectContaining({ name: "life of mmcblk1", status, found })]);
  });

  it("of NVMe is not told by the kernel, and who tells it is named", async () => {
    mkdirSync(join(root, "sys/block/nvme0n1"), { recursive: true });
    expect((await flashFindings(root))[0]?.found).toContain("nvme smart-log /dev/nvme0n1");
  });
});

describe("the clock", () => {
  it.each([
    [{ "run/systemd/timesync/synchronized": "" }, "ok"],
    [{ "run/systemd/timesync/clock": "" }, "warning"],
    [{ "run/chrony/chronyd.pid": "1" }, "ok"],
    [{}, "warning"],
  ])("with %j is %s", (files, status) => {
    expect(clockFinding(put(files)).status).toBe(status);
  });
});

describe("rights", () => {
  const isRoot = process.getuid?.() === 0;

  it("on devices that are open leave nothing to say", () => {
    put({ "dev/dri/renderD128": "", "dev/nvidia0": "" });
    expect(rightsFindings(root, "cuda")).toEqual([]);
  });

  it.skipIf(isRoot)("on devices that are closed name the group", () => {
    put({ "dev/dri/renderD128": "", "dev/nvidia0": "" });
    for (const name of ["dev/dri/renderD128", "dev/nvidia0"]) chmodSync(join(root, name), 0);
    expect(rightsFindings(root, "cuda").map(({ name, status }) => [name, status])).toEqual([
      ["/dev/dri/renderD128", "warning"],
      ["/dev/nvidia0", "missing"],
    ]);
  });
});

it("a machine without any of it gets a whole report, and nothing is missing for the portable profile", async () => {
  const findings = await hardware(parseConfig("version: 1", "nightjar.yaml"), root).run();
  expect(findings.map(({ name }) => name)).toEqual([
    "NVIDIA driver",
    "CUDA",
    "TensorRT",
    "power mode",
    "temperature",
    "clock",
  ]);
  expect(findings.filter(({ status }) => status === "missing")).toEqual([]);
});
