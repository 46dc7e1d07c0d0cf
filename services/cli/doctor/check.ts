/** What the doctor finds: one line per dependency, each with its remedy. */

export interface Finding {
  /** What was looked at: "GStreamer element njinfer". */
  readonly name: string;
  /** warning: Nightjar works without it, but something will not. */
  readonly status: "ok" | "warning" | "missing";
  /** Version, path or reason. */
  readonly found: string;
  /** What to do; empty when all is well. */
  readonly remedy: string;
}

export interface CheckGroup {
  readonly title: string;
  run(): Promise<Finding[]>;
}

export function ok(name: string, found: string): Finding {
  return { name, status: "ok", found, remedy: "" };
}

export function missing(name: string, found: string, remedy: string): Finding {
  return { name, status: "missing", found, remedy };
}

export function warning(name: string, found: string, remedy: string): Finding {
  return { name, status: "warning", found, remedy };
}
