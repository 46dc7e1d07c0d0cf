/** How a metric is written down: one row with name, help, labels, and where its values are read when somebody asks. */
import { Counter, Gauge, type Registry } from "prom-client";

/** A value with its labels. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export interface Row<Facts> {
  /** By Prometheus' conventions: unit in the name, counters end with _total. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** What is not known is left out: a value that is missing is no zero. */
  read(facts: Facts): number | undefined | readonly Sample[];
}

/** Values that go up and down. @param facts as they are at this scrape; undefined: there are none */
export function gauges<Facts>(registry: Registry, facts: () => Facts | undefined, rows: readonly Row<Facts>[]): void {
  for (const { name, help, labels = [], read } of rows) {
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        // One without labels begins with a zero, which would be a value that nobody has measured.
        if (labels.length === 0) this.remove({});
        for (const [given, value] of samplesOf(read, facts())) this.set(given, value);
      },
    });
  }
}

/** Values that others count, and that only grow (or begin anew with what they count). */
export function counters<Facts>(registry: Registry, facts: () => Facts | undefined, rows: readonly Row<Facts>[]): void {
  for (const { name, help, labels = [], read } of rows) {
    new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        if (labels.length === 0) this.remove({});
        for (const [given, value] of samplesOf(read, facts())) this.inc(given, value);
      },
    });
  }
}

/** One sample for each state that there is: 1 for the present one. */
export function oneHot(states: readonly string[], current: string, labels: Readonly<Record<string, string>>): Sample[] {
  return states.map((state) => [{ ...labels, state }, state === current ? 1 : 0]);
}

/** Leaves out what is not known. */
export function known(labels: Readonly<Record<string, string>>, value: number | null | undefined): Sample[] {
  return value === null || value === undefined || Number.isNaN(value) ? [] : [[labels, value]];
}

function samplesOf<Facts>(read: Row<Facts>["read"], facts: Facts | undefined): readonly Sample[] {
  const found = facts === undefined ? undefined : read(facts);
  if (found === undefined) return [];
  return typeof found === "number" ? [[{}, found]] : found;
}
