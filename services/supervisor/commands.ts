/** What can be asked of a running Nightjar: one table, used by the HTTP interface and the command line. */
import { z } from "zod";
import type { CameraInput } from "../config/load.ts";
import type { CameraView, Status } from "./status.ts";

/** The running Nightjar, as the commands see it. */
export interface Control {
  status(): Status;
  /** @throws ExpectedError when the entry is wrong, the id is taken or the pipeline refuses it. */
  addCamera(input: CameraInput): Promise<CameraView>;
  /** @throws ExpectedError when there is no such camera. */
  removeCamera(id: string): Promise<void>;
}

interface Command<Input, Output> {
  readonly method: "GET" | "POST" | "DELETE";
  /** `:name` takes a part of the path into the input. */
  readonly path: string;
  readonly summary: string;
  /** Shape of the input: the JSON body and the parts of the path, together. */
  readonly input: z.ZodType<Input>;
  run(control: Control, input: Input): Output | Promise<Output>;
}

/** Keeps the types of input and output of one entry together. */
function command<Input, Output>(entry: Command<Input, Output>): Command<Input, Output> {
  return entry;
}

const nothing = z.strictObject({});
const cameraId = z.strictObject({ id: z.string().min(1) });

export const COMMANDS = {
  status: command({
    method: "GET",
    path: "/api/status",
    summary: "Everything about the running Nightjar",
    input: nothing,
    run: (control): Status => control.status(),
  }),
  listCameras: command({
    method: "GET",
    path: "/api/cameras",
    summary: "The cameras and how they are",
    input: nothing,
    run: (control): readonly CameraView[] => control.status().cameras,
  }),
  addCamera: command({
    method: "POST",
    path: "/api/cameras",
    summary: "Add a camera (an entry as in the configuration); it survives a restart",
    // The registry checks the entry with the configuration's schema and its messages.
    input: z.record(z.string(), z.unknown()),
    run: (control, input): Promise<CameraView> => control.addCamera(input as CameraInput),
  }),
  removeCamera: command({
    method: "DELETE",
    path: "/api/cameras/:id",
    summary: "Remove a camera; it stays removed after a restart",
    input: cameraId,
    run: async (control, { id }): Promise<{ removed: string }> => {
      await control.removeCamera(id);
      return { removed: id };
    },
  }),
} as const;

export type CommandName = keyof typeof COMMANDS;
export type CommandInput<Name extends CommandName> = z.output<(typeof COMMANDS)[Name]["input"]>;
export type CommandOutput<Name extends CommandName> = Awaited<ReturnType<(typeof COMMANDS)[Name]["run"]>>;

/** The parts of `path` that a template like /api/cameras/:id takes; undefined when it does not fit. */
export function matchPath(template: string, path: string): Record<string, string> | undefined {
  const wanted = template.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [i, step] of wanted.entries()) {
    const part = given[i] ?? "";
    if (step.startsWith(":")) parts[step.slice(1)] = decodePart(part);
    else if (step !== part) return undefined;
  }
  return parts;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
