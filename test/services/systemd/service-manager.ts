/** A notify socket as systemd has it, and what came to it. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { waitUntil } from "../../support/wait.ts";

export interface ListeningManager {
  readonly socket: string;
  /** In the order of their coming; a barrier of systemd-notify is left out. */
  readonly messages: readonly string[];
  close(): void;
}

export async function listenAsManager(): Promise<ListeningManager> {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-notify-"));
  const socket = join(folder, "notify");
  const child = spawn("python3", [join(import.meta.dirname, "notify-socket.py"), socket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line !== "BARRIER=1") lines.push(line);
  });
  await waitUntil("the notify socket", () => lines.length > 0, 10_000);
  lines.length = 0;
  return {
    socket,
    messages: lines,
    close: () => {
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
