/** The power mode: that of nvpmodel on a Jetson, elsewhere the governor of the processor. */
import { readText } from "./read.ts";

const FILES = {
  /** "pmode:0002 fmode:quiet", written by nvpmodel */
  status: "/var/lib/nvpmodel/status",
  /** "< POWER_MODEL ID=2 NAME=MODE_15W_6CORE >" for each mode */
  modes: "/etc/nvpmodel.conf",
  governor: "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
};

/** "15W", "governor schedutil"; null: nothing says. */
export async function powerMode(files = FILES): Promise<string | null> {
  const id = /pmode:0*(\d+)/.exec((await readText(files.status)) ?? "")?.[1];
  if (id === undefined) {
    const governor = await readText(files.governor);
    return governor === undefined ? null : `governor ${governor}`;
  }
  const modes = (await readText(files.modes)) ?? "";
  const name = new RegExp(`^<\\s*POWER_MODEL\\s+ID=0*${id}\\s+NAME=(\\S+)`, "m").exec(modes)?.[1];
  return name?.replace(/^MODE_/, "") ?? `mode ${id}`;
}
