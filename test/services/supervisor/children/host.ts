/** A small postprocess process: ready, alive, ends when asked. */
import type { FromPostprocess } from "../../../../services/postprocess/messages.ts";

const say = (message: FromPostprocess) => process.send?.(message);

process.on("disconnect", () => process.exit(0));
process.on("message", () => process.exit(0));
say({ type: "ready", socket: "" });
setInterval(() => say({ type: "status", links: [] }), 50);
