/** Mosquitto of Debian, with a configuration and a port of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "./wait.ts";

export interface MosquittoOptions {
  /** Lines of mosquitto.conf. */
  readonly config?: readonly string[];
  /** Files beside it, by name; "%d" in the configuration is their directory. */
  readonly files?: Readonly<Record<string, string>>;
}

export class Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly directory = mkdtempSync(join(tmpdir(), "nightjar-mosquitto-"));
  #child: ChildProcess | undefined;
  #log = "";

  private constructor(port: number, { config = ["allow_anonymous true"], files = {} }: MosquittoOptions) {
    this.port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.directory, name), text, { mode: 0o644 });
    const lines = ["persistence false", "user root", "log_type all", ...config, `listener ${port} 127.0.0.1`];
    writeFileSync(join(this.directory, "mosquitto.conf"), lines.join("\n").replaceAll("%d", this.directory));
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const broker = new Mosquitto(await freePort(), options);
    await broker.start();
    return broker;
  }

  get log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    const child = spawn("/usr/sbin/mosquitto", ["-c", join(this.directory, "mosquitto.conf")]);
    this.#child = child;
    child.stderr.on("data", (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
    await waitUntil("mosquitto to listen", () => {
      if (child.exitCode !== null) throw new Error(`mosquitto ended: ${this.#log}`);
      return accepts(this.port);
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async end(name: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGCONT");
    child.kill(name);
    await exited;
  }

  async remove(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
