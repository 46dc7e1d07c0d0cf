/** Cannot work with what it is given, and says so; with --when-ready after it said that it is ready. */
import { exitCodes, type FromPipeline } from "../../../../services/pipeline/messages.ts";

const whenReady = process.argv.includes("--when-ready");

process.on("message", () => {
  if (whenReady) process.send?.({ type: "ready", gstreamer: "", profile: "portable", pid: process.pid });
  const message: FromPipeline = {
    type: "fatal",
    fault: "input",
    message: "bundle x has no model",
    exitCode: exitCodes.input,
    lasting: whenReady,
  };
  process.send?.(message, () => process.exit(exitCodes.input));
});
