/** What the supervisor may ask for, one entry for each message. */
import type { FromPipeline, ToPipeline } from "./messages.ts";
import { type PipelineService, Refused } from "./service.ts";

type Commands = { readonly [Type in ToPipeline["type"]]: (message: Extract<ToPipeline, { type: Type }>) => void };

export function commandsOf(service: PipelineService, stop: () => void): Commands {
  return {
    start: ({ settings }) => service.start(settings),
    addCamera: ({ camera }) => service.addCamera(camera),
    removeCamera: ({ camera }) => service.removeCamera(camera),
    watch: ({ camera, on }) => service.watch(camera, on),
    setParameters: ({ step, change }) => service.setParameters(step, change),
    stop: () => stop(),
  };
}

/** Carries a message out and answers it. A start that fails is thrown on: without it there is no pipeline. */
export function carryOut(commands: Commands, message: ToPipeline, send: (message: FromPipeline) => void): void {
  const command = commands[message.type] as ((message: ToPipeline) => void) | undefined;
  const reply = (ok: boolean, error?: string): void => {
    if (message.request !== undefined)
      send({ type: "reply", request: message.request, ok, ...(error === undefined ? {} : { error }) });
  };
  if (command === undefined) {
    reply(false, `"${message.type}" is not a command`);
    return;
  }
  try {
    command(message);
    reply(true);
  } catch (error) {
    reply(false, error instanceof Error ? error.message : String(error));
    if (message.type === "start" && !(error instanceof Refused)) throw error;
  }
}
