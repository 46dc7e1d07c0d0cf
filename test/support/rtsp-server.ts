/** A real RTSP server in a process of its own, which a test may freeze, kill and start again on the same port. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface RtspServerOptions {
  /** 0: one that is free. */
  readonly port?: number;
  readonly path?: string;
  readonly width?: number;
  readonly height?: number;
  readonly framerate?: number;
  readonly codec?: "h264" | "mjpeg";
  /** gst-launch text in place of the moving test picture; its payloader has the name pay0. */
  readonly launch?: string;
  readonly login?: { readonly user: string; readonly password: string };
  /** PEM files: it speaks rtsps. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Refuses TCP (interleaved). */
  readonly udpOnly?: boolean;
}

const script = fileURLToPath(new URL("rtsp-server-main.ts", import.meta.url));

export class RtspServer {
  readonly port: number;
  private readonly child: ChildProcess;
  private readonly options: RtspServerOptions;

  private constructor(child: ChildProcess, options: RtspServerOptions, port: number) {
    this.child = child;
    this.options = options;
    this.port = port;
  }

  static async start(options: RtspServerOptions = {}): Promise<RtspServer> {
    const child = fork(script, [JSON.stringify(options)], { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const errors: string[] = [];
    child.stderr?.on("data", (data: Buffer) => errors.push(data.toString()));
    const port = await new Promise<number>((resolve, reject) => {
      child.once("message", (message) => resolve((message as { port: number }).port));
      child.once("exit", (code) => reject(new Error(`RTSP server ended with ${code}: ${errors.join("")}`)));
    });
    return new RtspServer(child, options, port);
  }

  get uri(): string {
    return `${this.options.tls === undefined ? "rtsp" : "rtsps"}://127.0.0.1:${this.port}${this.options.path ?? "/stream"}`;
  }

  /** The process stops as a hung camera does: its connections stay open, nothing moves. */
  freeze(): void {
    this.child.kill("SIGSTOP");
  }

  thaw(): void {
    this.child.kill("SIGCONT");
  }

  /** The power is pulled. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }

  /** A new server at the same address, perhaps with another picture. */
  restart(changes: RtspServerOptions = {}): Promise<RtspServer> {
    return RtspServer.start({ ...this.options, ...changes, port: this.port });
  }
}
