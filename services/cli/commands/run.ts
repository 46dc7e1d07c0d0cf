import type { CommandSpec } from "../command.ts";
import { CONFIG_OPTION, durationOption } from "../options.ts";

export const run: CommandSpec = {
  name: "run",
  summary: "run Nightjar: a live view on a terminal, plain lines elsewhere",
  options: [
    CONFIG_OPTION,
    { flags: "-d, --duration <time>", description: "end by itself after this, such as 20s", parse: durationOption },
    { flags: "--plain", description: "plain lines also on a terminal" },
  ],
  json: true,
  // The other commands answer at once because they do not load what only this one needs.
  run: async (values, terminal) => (await import("../run-nightjar.ts")).runNightjar(values, terminal),
};
