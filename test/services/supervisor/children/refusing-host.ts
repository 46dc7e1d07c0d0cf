/** A postprocess process that does not like the detector's bundle, and says so for each element that asks. */
import type { FromPostprocess, ToPostprocess } from "../../../../services/postprocess/messages.ts";

const say = (message: FromPostprocess) => process.send?.(message);

process.on("disconnect", () => process.exit(0));
process.on("message", ({ type }: ToPostprocess) => {
  if (type === "stop") process.exit(0);
});
say({ type: "ready", socket: "" });
setInterval(() => {
  say({ type: "status", links: [] });
  say({ type: "log", level: "error", instance: "infer", message: "refused: model.file: m.onnx is half a model" });
}, 50);
