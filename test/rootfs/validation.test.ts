/** The script that NVIDIA's boot flow calls, against a control socket. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const SCRIPT = join(import.meta.dirname, "../../rootfs/usr/sbin/user_rootfs_validation.sh");

let folder: string;
let server: Server | undefined;
const answers: Record<string, readonly [code: number, text: string]> = {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-validation-"));
  answers["/readyz"] = [200, "ready"];
  answers["/livez"] = [200, "alive"];
});

afterEach(async () => {
  await new Promise((done) => (server === undefined ? done(undefined) : server.close(done)));
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function listen(): Promise<void> {
  const fresh = createServer((request, response) => {
    const [code, text] = answers[request.url ?? ""] ?? [404, ""];
    response.writeHead(code, { connection: "close" }).end(`${text}\n`);
  });
  await new Promise<void>((done) => fresh.listen(join(folder, "control.sock"), done));
  server = fresh;
}

function validate(environment: Record<string, string> = {}): Promise<{ code: number | null; said: string }> {
  const env = {
    ...process.env,
    NIGHTJAR_SOCKET: join(folder, "control.sock"),
    NIGHTJAR_VALIDATE_SECONDS: "2",
    ...environment,
  };
  const child = spawn("sh", [SCRIPT], { env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  return new Promise((done) => child.on("close", (code) => done({ code, said })));
}

describe("the validation of a root file system", () => {
  it("confirms the slot when Nightjar is ready", async () => {
    await listen();
    expect(await validate()).toMatchObject({ code: 0 });
  });

  it("confirms it when Nightjar becomes ready in time", async () => {
    setTimeout(() => void listen(), 700);
    expect(await validate({ NIGHTJAR_VALIDATE_SECONDS: "10" })).toMatchObject({ code: 0 });
  });

  it("refuses it with the reason when Nightjar does not become ready", async () => {
    answers["/readyz"] = [503, "no camera delivers"];
    await listen();
    const { code, said } = await validate();
    expect(code).toBe(1);
    expect(said).toContain("no camera delivers");
  });

  it("refuses it when nobody answers", async () => {
    expect(await validate()).toMatchObject({ code: 1, said: expect.stringContaining("nobody answers on") });
  });

  it("can be told that an answer is enough, for devices whose cameras may be off", async () => {
    answers["/readyz"] = [503, "no camera delivers"];
    await listen();
    expect(await validate({ NIGHTJAR_VALIDATE: "live" })).toMatchObject({ code: 0 });
  });
});
