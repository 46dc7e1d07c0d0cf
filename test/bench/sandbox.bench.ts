// How long after its limit a module that runs away is gone: from the moment a batch is handed over until it is back at
// the element as failed, less the module's limit. A loop, endless bulk operations and an operator in TypeScript; the
// worst of ten each, the worst kind counts. And what the element sees when a worker is ended: batches that come back
// without a result before the standby serves.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SlotState } from "../../firmware/link/protocol.ts";
import type { FromPostprocess } from "../../services/postprocess/messages.ts";
import { analyzeBundle, socketPath, writeBundle } from "../services/postprocess/support/bundles.ts";
import { compileModule } from "../services/postprocess/support/compile.ts";
import { Element } from "../services/postprocess/support/element.ts";
import type { Measurement } from "./figures.ts";

const HOST = fileURLToPath(new URL("../../services/postprocess/main.ts", import.meta.url));
const LIMIT_MS = 100;
const ROUNDS = 10;
/** Longer than this apart, failures are answered at once: what is measured is the first answer, not the back-off. */
const CALM_MS = 120;
const LOOP = 1;
const FILL = 2;

const HOSTILE = {
  body: `
    process(frame: Frame): i32 {
      if (frame.objectCount == ${LOOP}) while (true) {}
      if (frame.objectCount == ${FILL}) while (true) memory.fill(1024, 1, 65536);
      return Status.Ok;
    }`,
};

const OPERATOR = `import { BatchMetadataOperator } from "nightjar/operator";
  export default class Hostile extends BatchMetadataOperator {
    handleMetadata(batch) { for (const frame of batch.frames) if (frame.objects.length > 0) for (;;) {} }
  }`;

interface Round {
  overMs: number;
  /** Batches without a result until one came through again; the one that ran away is not among them. */
  lost: number;
}

/** One link per round: its first failure is what counts. */
async function once(path: string, pid: number, bundle: string, objects: number): Promise<Round> {
  const element = new Element(path, pid);
  await element.open({ kind: "analyze", bundle, slots: 2 });
  element.release(await element.run([{ objects: [] }]));
  const began = performance.now();
  const slot = await element.run([{ objects: Array.from({ length: objects }, () => ({ width: 1, height: 1 })) }]);
  const overMs = performance.now() - began - LIMIT_MS;
  if (slot.state !== SlotState.Failed) throw new Error("the hostile module was not ended");
  element.release(slot);
  let lost = 0;
  for (;;) {
    const next = await element.run([{ objects: [] }]);
    const isBack = next.state === SlotState.ResultReady;
    element.release(next);
    if (isBack) break;
    lost++;
  }
  element.close();
  await new Promise((resolve) => setTimeout(resolve, CALM_MS));
  return { overMs, lost };
}

export async function measure(): Promise<Measurement[]> {
  const path = socketPath();
  const host = fork(HOST, ["--socket", path, "--log-level", "error", "--operators", "hostile"], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  try {
    await new Promise<void>((resolve) => {
      host.on("message", (message: FromPostprocess) => message.type === "ready" && resolve());
    });
    const limits = { "batch-ms": LIMIT_MS, "memory-pages": 64 };
    const wasm = analyzeBundle(await compileModule(HOSTILE), { limits });
    const operator = writeBundle(
      { name: "hostile", version: "1.0.0", kind: "analyze", module: { file: "rule.ts" }, limits },
      { "rule.ts": OPERATOR },
    );
    const rounds: Round[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      rounds.push(await once(path, host.pid!, wasm, LOOP));
      rounds.push(await once(path, host.pid!, wasm, FILL));
      rounds.push(await once(path, host.pid!, operator, 1));
    }
    return [
      { name: "sandbox.hostile-module-over-limit", value: Math.max(...rounds.map(({ overMs }) => overMs)) },
      { name: "swap.standby-takeover", value: Math.max(...rounds.map(({ lost }) => lost)) },
    ];
  } finally {
    host.kill("SIGTERM");
  }
}
