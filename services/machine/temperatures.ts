/** Temperatures as the kernel's thermal zones tell them (Documentation/driver-api/thermal/sysfs-api.rst). */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readText } from "./read.ts";

export interface Temperature {
  /** "cpu-thermal", "x86_pkg_temp" */
  readonly name: string;
  readonly celsius: number;
  /** At which the machine turns itself off. */
  readonly criticalCelsius: number | null;
}

interface Zone {
  readonly name: string;
  readonly file: string;
  readonly criticalCelsius: number | null;
}

export class Thermometers {
  readonly #directory: string;
  /** They do not change while the machine runs. */
  #zones: Promise<Zone[]> | undefined;

  constructor(directory = "/sys/class/thermal") {
    this.#directory = directory;
  }

  /** Those that say something: zones of parts that are off do not. */
  async read(): Promise<Temperature[]> {
    this.#zones ??= this.#find();
    const readings = (await this.#zones).map(async ({ name, file, criticalCelsius }) => {
      const text = await readText(file);
      return text === undefined ? [] : [{ name, celsius: celsiusOf(text), criticalCelsius }];
    });
    return (await Promise.all(readings)).flat();
  }

  async #find(): Promise<Zone[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const zones = names.filter((name) => /^thermal_zone\d+$/.test(name)).sort(byNumber);
    return Promise.all(zones.map((name) => zoneIn(join(this.#directory, name))));
  }
}

async function zoneIn(directory: string): Promise<Zone> {
  const files = await readdir(directory).catch(() => []);
  const trips = files.filter((name) => /^trip_point_\d+_type$/.test(name));
  let criticalCelsius: number | null = null;
  for (const trip of trips) {
    if ((await readText(join(directory, trip))) !== "critical") continue;
    const text = await readText(join(directory, trip.replace(/type$/, "temp")));
    if (text !== undefined) criticalCelsius = celsiusOf(text);
  }
  const name = (await readText(join(directory, "type"))) ?? "unknown";
  return { name, file: join(directory, "temp"), criticalCelsius };
}

/** Thousandths there. One decimal is more than a sensor knows. */
function celsiusOf(text: string): number {
  return Math.round(Number(text) / 100) / 10;
}

function byNumber(a: string, b: string): number {
  return Number(/\d+$/.exec(a)?.[0]) - Number(/\d+$/.exec(b)?.[0]);
}
