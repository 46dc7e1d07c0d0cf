/** A real pipeline process under test, spoken to as the supervisor does. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type {
  CameraSettings,
  CameraState,
  CameraStatus,
  FatalMessage,
  FromPipeline,
  LogMessage,
  PipelineSettings,
  SourceSettings,
  StatusMessage,
  ToPipeline,
} from "../../services/pipeline/messages.ts";
import { waitUntil } from "./wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const plugin = `${root}build/firmware/plugin`;

type Command = ToPipeline extends infer Message ? (Message extends unknown ? Omit<Message, "request"> : never) : never;

/** Short times, so that tests need not wait. */
export function camera(
  id: string,
  sourceId: number,
  source: SourceSettings,
  changes: Partial<CameraSettings> = {},
): CameraSettings {
  return {
    id,
    sourceId,
    source,
    reconnect: { initialMs: 200, maxMs: 400, factor: 2, jitter: 0 },
    startTimeoutMs: 3000,
    stallTimeoutMs: 1000,
    queueFrames: 2,
    ...changes,
  };
}

export const testPattern = (changes: Partial<Extract<SourceSettings, { kind: "test" }>> = {}): SourceSettings => ({
  kind: "test",
  pattern: "ball",
  width: 160,
  height: 120,
  framerate: 20,
  realtime: true,
  frames: 0,
  ...changes,
});

export function pipelineSettings(
  cameras: readonly CameraSettings[],
  changes: Partial<PipelineSettings> = {},
): PipelineSettings {
  return {
    profile: "portable",
    cameras,
    batch: { size: 4, timeoutUs: 20_000, width: 160, height: 120 },
    infer: null,
    analytics: [],
    messages: { payload: "minimal", extensions: false, events: false, frameInterval: 1, componentId: 1 },
    pictures: { width: 80, maxFps: 10, quality: 80 },
    payloadFd: null,
    pictureFd: null,
    ...changes,
  };
}

export class PipelineProcess {
  readonly child: ChildProcess;
  readonly logs: LogMessage[] = [];
  readonly statuses: StatusMessage[] = [];
  readonly states = new Map<string, CameraState[]>();
  readonly output: string[] = [];
  fatal: FatalMessage | null = null;
  ready = false;
  private readonly latest = new Map<string, CameraStatus>();
  private readonly replies = new Map<number, { ok: boolean; error?: string }>();
  private nextRequest = 1;

  /** `environment` is added to this process' own. */
  constructor(environment: Record<string, string> = {}) {
    this.child = fork(`${root}services/pipeline/main.ts`, {
      execArgv: ["--expose-gc"],
      stdio: ["ignore", "pipe", "pipe", "ipc", "pipe", "pipe"],
      // As the supervisor does: one heap for each thread would keep what threads that are gone have freed.
      env: {
        MALLOC_ARENA_MAX: "2",
        ...process.env,
        GST_PLUGIN_PATH: process.env["GST_PLUGIN_PATH"] ?? plugin,
        ...environment,
      },
    });
    this.child.on("message", (message) => this.receive(message as FromPipeline));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (data: Buffer) => this.output.push(data.toString()));
    }
    for (const fd of [4, 5]) this.pipe(fd).on("error", () => {});
  }

  static async start(settings: PipelineSettings): Promise<PipelineProcess> {
    const pipeline = new PipelineProcess();
    await pipeline.request({ type: "start", settings });
    return pipeline;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** What the process writes to a descriptor that it was given. */
  pipe(fd: number): Readable {
    return (this.child.stdio as readonly unknown[])[fd] as Readable;
  }

  send(command: Command): void {
    this.child.send(command);
  }

  /** Resolves with the answer; fails when the pipeline refuses. */
  async request(command: Command): Promise<void> {
    const request = this.nextRequest++;
    this.child.send({ ...command, request });
    const reply = await waitUntil(`the answer to ${command.type}`, () => this.replies.get(request), 10_000);
    if (!reply.ok) throw new Error(reply.error);
  }

  camera(id: string): CameraStatus | undefined {
    return this.latest.get(id);
  }

  /** Waits until the newest status of a camera satisfies `condition`. */
  cameraIs(
    id: string,
    what: string,
    condition: (status: CameraStatus) => boolean,
    limitMs = 5000,
  ): Promise<CameraStatus> {
    return waitUntil(
      `camera ${id}: ${what}`,
      () => {
        const status = this.latest.get(id);
        return status !== undefined && condition(status) ? status : undefined;
      },
      limitMs,
      () =>
        JSON.stringify({
          status: this.latest.get(id),
          states: this.states.get(id),
          logs: this.logs.slice(-5),
          fatal: this.fatal,
          output: this.output,
        }),
    );
  }

  state(id: string, state: CameraState, limitMs?: number): Promise<CameraStatus> {
    return this.cameraIs(id, `state ${state}`, (status) => status.state === state, limitMs);
  }

  /** Waits for `frames` more decoded frames of the camera, through the whole graph. */
  async frames(id: string, frames: number, limitMs?: number): Promise<void> {
    const before = this.latest.get(id)?.inferred ?? 0;
    await this.cameraIs(id, `${frames} more frames`, (status) => status.inferred >= before + frames, limitMs);
  }

  /** Resident memory in bytes, threads and open files, as the kernel counts them. */
  resources(): { resident: number; threads: number; files: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const value = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1]);
    return {
      resident: value("VmRSS") * 1024,
      threads: value("Threads"),
      files: readdirSync(`/proc/${this.pid}/fd`).length,
    };
  }

  /** Asks, then kills. Resolves with exit code or signal. */
  async stop(): Promise<number | NodeJS.Signals | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null)
      return this.child.exitCode ?? this.child.signalCode;
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    this.child.send({ type: "stop" }, () => {});
    const [code, signal] = (await once(this.child, "exit")) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    return code ?? signal;
  }

  private receive(message: FromPipeline): void {
    switch (message.type) {
      case "status":
        this.statuses.push(message);
        for (const status of message.cameras) this.latest.set(status.camera, status);
        break;
      case "camera":
        this.latest.set(message.status.camera, message.status);
        this.states.set(message.status.camera, [
          ...(this.states.get(message.status.camera) ?? []),
          message.status.state,
        ]);
        break;
      case "log":
        this.logs.push(message);
        break;
      case "reply":
        this.replies.set(message.request, {
          ok: message.ok,
          ...(message.error === undefined ? {} : { error: message.error }),
        });
        break;
      case "fatal":
        this.fatal = message;
        break;
      case "ready":
        this.ready = true;
        break;
    }
  }
}
