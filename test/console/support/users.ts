/** Users of a running Nightjar, made as its owner makes them. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Nightjar } from "../../support/nightjar.ts";

export async function addUser({ folder }: Nightjar, name: string, role: string, password: string): Promise<void> {
  const file = join(folder, "nightjar.yaml");
  const child = spawn("bin/nightjar", ["user", "add", name, "--role", role, "-c", file], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  child.stdin.end(`${password}\n`);
  const code = await new Promise((done) => child.on("close", done));
  if (code !== 0) throw new Error(`nightjar user add ${name} ended with ${code}: ${output}`);
}
