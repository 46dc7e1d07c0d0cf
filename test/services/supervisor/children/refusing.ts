/** Cannot work with what it is given, and says so. */
import { exitCodes, type FromPipeline } from "../../../../services/pipeline/messages.ts";

process.on("message", () => {
  const message: FromPipeline = {
    type: "fatal",
    fault: "input",
    message: "bundle x has no model",
    exitCode: exitCodes.input,
  };
  process.send?.(message, () => process.exit(exitCodes.input));
});
