/**
 * Exit codes of every Nightjar program: whose fault it was, for scripts and service managers.
 * They are part of the interface: docs/reference/cli.md lists them.
 */
export const EXIT = {
  ok: 0,
  /** Our bug: an unexpected exception. */
  bug: 1,
  /** The command line was wrong. */
  usage: 2,
  /** The configuration, or a file that it names, was wrong. */
  configuration: 3,
  /** No running Nightjar (or no broker) could be reached. */
  unreachable: 4,
  /** The machine lacks something: a package, a free port, disk space, a permission. */
  environment: 5,
  /** The run ended as asked, but a camera never delivered a frame. */
  cameraFailed: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * A failure that we foresaw: its message is complete (what, where, what to do) and needs no stack.
 * Everything that is not an ExpectedError is reported as our bug.
 */
export class ExpectedError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ExpectedError";
    this.exitCode = exitCode;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system's error code (ENOENT, EADDRINUSE, …), or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
