/**
 * The pipeline process: runs the GStreamer graph for the supervisor, which forks it (see messages.ts).
 *
 *   node --expose-gc services/pipeline/main.ts        (stdio: ipc, fd 4 payload records, fd 5 pictures)
 */
import { carryOut, commandsOf } from "./commands.ts";
import { fatalOfThrown } from "./ends.ts";
import { startMainLoop } from "./gst.ts";
import { exitCodes, type FatalMessage, type FromPipeline, type ToPipeline } from "./messages.ts";
import { PipelineService } from "./service.ts";

if (process.send === undefined) {
  console.error("services/pipeline/main.ts is started by the Nightjar supervisor; use: nightjar run -c FILE");
  process.exit(exitCodes.input);
}

let ending = false;

function send(message: FromPipeline): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function end(code: number): void {
  if (ending) return;
  ending = true;
  service.stop();
  loop.quit();
  // Gives the channel time to take the last message.
  setTimeout(() => process.exit(code), 20);
}

function fail(reason: FatalMessage): void {
  if (ending) return;
  send(reason);
  end(reason.exitCode);
}

const service = new PipelineService({ send, fail });
const commands = commandsOf(service, () => end(exitCodes.ok));
const loop = startMainLoop(() => {});

process.on("message", (message) => {
  try {
    carryOut(commands, message as ToPipeline, send);
  } catch (error) {
    fail(fatalOfThrown(error));
  }
});
process.on("disconnect", () => end(exitCodes.ok));
process.on("SIGTERM", () => end(exitCodes.ok));
process.on("SIGINT", () => {}); // Ctrl-C reaches the whole group; the supervisor decides when this process ends.
process.on("uncaughtException", (error) => fail(fatalOfThrown(error)));
process.on("unhandledRejection", (error) => fail(fatalOfThrown(error)));
