/** What the machine is made of: GPU driver and libraries, power mode, temperatures, wear of its flash, clock, rights on devices. */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config/load.ts";
import { codeOf } from "../../log/errors.ts";
import { lifeUsed } from "../../machine/flash.ts";
import { powerMode } from "../../machine/power.ts";
import { readText } from "../../machine/read.ts";
import { Thermometers } from "../../machine/temperatures.ts";
import { type CheckGroup, type Finding, missing, ok, warning } from "./check.ts";

/** So near to where the machine turns itself off it slows down already. Degrees. */
const CLOSE_CELSIUS = 10;
/** Share of the flash's life. */
const WORN = 0.8;

/** @param root of the file system; tests have one of their own */
export function hardware(config: Config, root = "/"): CheckGroup {
  const { profile } = config.pipeline;
  return {
    title: "Hardware",
    run: async () => [
      driverFinding(root, needsGpu(profile)),
      libraryFinding(root, "CUDA", /^libcudart\.so\.([\d.]+)$/, profile === "cuda"),
      libraryFinding(root, "TensorRT", /^libnvinfer\.so\.([\d.]+)$/, profile === "deepstream"),
      await powerFinding(root),
      await temperatureFinding(root),
      ...(await flashFindings(root)),
      clockFinding(root),
      ...rightsFindings(root, profile),
    ],
  };
}

function needsGpu(profile: string): boolean {
  return profile === "cuda" || profile === "deepstream";
}

/** The kernel module says its version; a Jetson's is part of its release. */
export function driverFinding(root: string, isNeeded: boolean): Finding {
  const name = "NVIDIA driver";
  const version = /Kernel Module(?: for \S+)?\s+([\d.]+)/.exec(
    textOf(join(root, "proc/driver/nvidia/version")) ?? "",
  )?.[1];
  if (version !== undefined) return ok(name, version);
  const release = /R(\d+).*?REVISION: ([\d.]+)/.exec(textOf(join(root, "etc/nv_tegra_release")) ?? "");
  if (release !== null) return ok(name, `Jetson Linux ${release[1]}.${release[2]}`);
  if (!isNeeded) return ok(name, "none; this profile needs none");
  return missing(
    name,
    "none",
    "install NVIDIA's driver (nvidia-smi shows the GPU then), or set pipeline.profile: portable",
  );
}

const LIBRARIES = [
  "usr/lib/x86_64-linux-gnu",
  "usr/lib/aarch64-linux-gnu",
  "usr/local/cuda/lib64",
  "usr/local/cuda/targets/aarch64-linux/lib",
  "usr/local/cuda/targets/x86_64-linux/lib",
];

/** The longest version of a shared library's names. */
export function libraryFinding(root: string, name: string, pattern: RegExp, isNeeded: boolean): Finding {
  const found = LIBRARIES.flatMap((directory) =>
    namesIn(join(root, directory)).flatMap((file) => {
      const version = pattern.exec(file)?.[1];
      return version === undefined ? [] : [{ version, place: `/${directory}` }];
    }),
  ).sort((a, b) => b.version.length - a.version.length);
  const [best] = found;
  if (best !== undefined) return ok(name, `${best.version} in ${best.place}`);
  if (!isNeeded) return ok(name, "not installed; this profile needs none");
  return missing(
    name,
    `no library in /${LIBRARIES.join(", /")}`,
    "install it (docs/cuda.md, docs/jetson.md), or set another pipeline.profile",
  );
}

export async function powerFinding(root: string): Promise<Finding> {
  const mode = await powerMode({
    status: join(root, "var/lib/nvpmodel/status"),
    modes: join(root, "etc/nvpmodel.conf"),
    governor: join(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
  });
  if (mode === null) return ok("power mode", "nothing says");
  if (mode === "governor powersave") {
    return warning(
      "power mode",
      mode,
      "it may hold the processor at its lowest clock: cpupower frequency-set -g performance",
    );
  }
  return ok("power mode", mode);
}

export async function temperatureFinding(root: string): Promise<Finding> {
  const name = "temperature";
  const all = await new Thermometers(join(root, "sys/class/thermal")).read();
  const hottest = all.toSorted((a, b) => b.celsius - a.celsius)[0];
  if (hottest === undefined) return ok(name, "nothing says");
  const close = all.find(
    ({ celsius, criticalCelsius }) => criticalCelsius !== null && celsius > criticalCelsius - CLOSE_CELSIUS,
  );
  if (close === undefined) return ok(name, `${hottest.celsius} °C (${hottest.name})`);
  return warning(
    name,
    `${close.name} has ${close.celsius} °C, the machine turns itself off at ${close.criticalCelsius} °C`,
    "look at fan, heat sink and air; fewer cameras or inference.interval make it cooler",
  );
}

/** eMMC devices tell how much of their life is over; NVMe devices tell it to nvme-cli only. */
export async function flashFindings(root: string): Promise<Finding[]> {
  const block = join(root, "sys/block");
  const devices = namesIn(block).filter((name) => /^mmcblk\d+$/.test(name));
  const found = await Promise.all(devices.map((device) => wearOf(device, join(block, device, "device"))));
  const nvme = namesIn(block).filter((name) => /^nvme\d+n\d+$/.test(name));
  const others = nvme.map((device) =>
    ok(`life of ${device}`, `the kernel does not tell; nvme smart-log /dev/${device} does`),
  );
  return [...found.flat(), ...others];
}

/** JEDEC eMMC 5.0, EXT_CSD 267: what is left of the reserved blocks. */
const RESERVE: Readonly<Record<number, string>> = {
  2: "80 % of its reserved blocks are used",
  3: "90 % of its reserved blocks are used",
};

async function wearOf(device: string, directory: string): Promise<Finding[]> {
  const used = await lifeUsed(join(directory, "life_time"));
  const reserve = RESERVE[Number(await readText(join(directory, "pre_eol_info")))];
  if (used === null && reserve === undefined) return [];
  const found = [
    ...(used === null ? [] : [`${Math.round(used * 100)} % used`]),
    ...(reserve === undefined ? [] : [reserve]),
  ].join("; ");
  const name = `life of ${device}`;
  if ((used ?? 0) < WORN && reserve === undefined) return [ok(name, found)];
  return [warning(name, found, "plan to replace it, and back up what it holds (docs/operations.md)")];
}

/** Of systemd's time service, or chrony; times of messages and freshness of updates need it. */
export function clockFinding(root: string): Finding {
  const name = "clock";
  if (existsSync(join(root, "run/systemd/timesync/synchronized"))) return ok(name, "synchronised");
  if (existsSync(join(root, "run/systemd/timesync"))) {
    return warning(
      name,
      "not synchronised yet",
      "check the network and NTP (timedatectl timesync-status); no update is taken until then",
    );
  }
  if (existsSync(join(root, "run/chrony")) || existsSync(join(root, "run/chronyd.pid")))
    return ok(name, "kept by chrony");
  return warning(
    name,
    "no time service runs",
    "install systemd-timesyncd or chrony, unless something else sets the clock",
  );
}

/** Devices that a user needs to be in a group for. */
const DEVICES = [
  { path: "dev/dri", pattern: /^renderD\d+$/, group: "render" },
  { path: "dev", pattern: /^video\d+$/, group: "video" },
  { path: "dev", pattern: /^(nvidia\d+|nvhost-ctrl|nvmap)$/, group: "video" },
] as const;

export function rightsFindings(root: string, profile: string): Finding[] {
  return DEVICES.flatMap(({ path, pattern, group }) => {
    const devices = namesIn(join(root, path)).filter((name) => pattern.test(name));
    const closed = devices.filter((name) => !isOpen(join(root, path, name)));
    const [first] = closed;
    if (first === undefined) return [];
    const fault = needsGpu(profile) && first.startsWith("nv") ? missing : warning;
    return [
      fault(`/${path}/${first}`, "this user may not use it", `add the user to the group ${group}, and log in again`),
    ];
  });
}

function isOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch (error) {
    return codeOf(error) !== "EACCES";
  }
}

function textOf(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
