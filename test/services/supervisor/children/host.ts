/** A small postprocess process: ready, alive, ends when asked. */
import type {
  FromPostprocess,
  SwapAnswer,
  SwapStep,
  ToPostprocess,
} from "../../../../services/postprocess/messages.ts";

const SHADOW = {
  ms: 1000,
  batches: 30,
  frames: 30,
  failed: 0,
  lastError: "",
  agreement: 0.5,
  classes: [{ label: "car", live: 2, candidate: 2, matched: 1, iou: 0.8 }],
  latency: { live: { p50: 1, p99: 2 }, candidate: { p50: 3, p99: 4 } },
  resampled: false,
};

const say = (message: FromPostprocess) => process.send?.(message);

process.on("disconnect", () => process.exit(0));
process.on("message", (message: ToPostprocess) => {
  if (message.type === "stop") process.exit(0);
  if (message.type === "swap") say({ type: "swapped", request: message.request, answer: answerTo(message.step) });
});

/** Every bundle is fine but those that are called broken. */
function answerTo(step: SwapStep): SwapAnswer {
  if (step.step !== "prepare") return { ok: true, result: step.step === "end-shadow" ? SHADOW : null };
  const name = step.bundle.split("/").at(-1) ?? "";
  if (name === "broken")
    return { ok: false, lasting: true, key: "module.file", message: "the module does not compile" };
  const bundle = { name, version: "1.0.0", digest: name, directory: step.bundle };
  return { ok: true, result: { bundle, sharesEngine: true, golden: { cases: 0, ms: 0, skipped: "" }, ms: 1 } };
}
say({ type: "ready", socket: "" });
setInterval(() => say({ type: "status", links: [] }), 50);
