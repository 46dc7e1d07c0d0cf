/** Metrics of Nightjar as a whole, its processes, and the machine. */
import type { ProcessView } from "../supervisor/status.ts";
import { known, oneHot, type Row, type Sample } from "./define.ts";
import type { Facts } from "./facts.ts";

const STATES = ["stopped", "starting", "running", "waiting", "stopping", "failed"] as const;

export const SYSTEM_COUNTERS: readonly Row<Facts>[] = [
  process("nightjar_process_restarts_total", "Restarts of a process", ({ restarts }) => restarts),
  {
    name: "nightjar_dropped_records_total",
    help: "Messages that the pipeline dropped because the supervisor read too slowly",
    read: ({ status }) => status.totals.droppedRecords,
  },
];

export const SYSTEM_GAUGES: readonly Row<Facts>[] = [
  {
    name: "nightjar_build_info",
    help: "1; the labels say what runs",
    labels: ["version", "profile", "gstreamer"],
    read: ({ status: { version, profile, gstreamer } }) => [[{ version, profile, gstreamer }, 1]],
  },
  { name: "nightjar_ready", help: "1 while /readyz says ready", read: ({ isReady }) => Number(isReady) },
  {
    name: "nightjar_start_time_seconds",
    help: "When Nightjar was started",
    read: ({ status }) => status.startedAt / 1000,
  },
  process("nightjar_process_resident_bytes", "Resident memory", ({ residentBytes }) => residentBytes),
  process("nightjar_process_cpu_cores", "Use of processors, in cores", ({ cpu }) => cpu),
  {
    name: "nightjar_process_state",
    help: "1 for the state that the process is in",
    labels: ["process", "state"],
    read: ({ status }) => status.processes.flatMap(({ name, state }) => oneHot(STATES, state, { process: name })),
  },
  {
    name: "nightjar_disk_size_bytes",
    help: "Size of a file system that Nightjar writes to or reads bundles from; holds says what lies on it",
    labels: ["path", "holds"],
    read: ({ machine }) =>
      machine.disks.map(({ path, roles, totalBytes }) => [{ path, holds: roles.join(",") }, totalBytes]),
  },
  {
    name: "nightjar_disk_free_bytes",
    help: "What Nightjar could still write there",
    labels: ["path", "holds"],
    read: ({ machine }) =>
      machine.disks.map(({ path, roles, freeBytes }) => [{ path, holds: roles.join(",") }, freeBytes]),
  },
  {
    name: "nightjar_temperature_celsius",
    help: "Of the kernel's thermal zones",
    labels: ["zone"],
    read: ({ machine }) => machine.temperatures.map(({ name, celsius }) => [{ zone: name }, celsius]),
  },
  {
    name: "nightjar_temperature_critical_celsius",
    help: "At which the machine turns itself off",
    labels: ["zone"],
    read: ({ machine }) =>
      machine.temperatures.flatMap(({ name, criticalCelsius }) => known({ zone: name }, criticalCelsius)),
  },
  {
    name: "nightjar_power_mode_info",
    help: "1; the label says the power mode of a Jetson, elsewhere the processor's governor",
    labels: ["mode"],
    read: ({ machine: { powerMode } }) => (powerMode === null ? [] : [[{ mode: powerMode }, 1]]),
  },
  {
    name: "nightjar_memory_size_bytes",
    help: "Memory of the machine",
    read: ({ machine }) => machine.memory.totalBytes,
  },
  {
    name: "nightjar_memory_available_bytes",
    help: "Memory that programs could still get",
    read: ({ machine }) => machine.memory.availableBytes,
  },
  { name: "nightjar_load1", help: "Load of the machine over one minute", read: ({ machine }) => machine.load[0] },
  { name: "nightjar_cores", help: "Cores of the machine", read: ({ machine }) => machine.cores },
  {
    name: "nightjar_flash_life_used_ratio",
    help: "Estimated wear of the eMMC, 0 to 1.1, in steps of 0.1",
    read: ({ machine }) => machine.lifeUsed ?? undefined,
  },
  {
    name: "nightjar_clock_synchronized",
    help: "1 when the clock has been set from the network; left out where nobody says",
    read: ({ machine: { clockSynced } }) => (clockSynced === null ? undefined : Number(clockSynced)),
  },
];

function process(name: string, help: string, value: (view: ProcessView) => number): Row<Facts> {
  const read = ({ status }: Facts) => status.processes.map((view): Sample => [{ process: view.name }, value(view)]);
  return { name, help, labels: ["process"], read };
}
