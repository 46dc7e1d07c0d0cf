import { NEWS_TYPES, type News, type NewsType } from "../../control/event-hub.ts";
import { EXIT, ExpectedError } from "../../log/errors.ts";
import { BROKER_OPTIONS, watchBroker } from "../broker-watch.ts";
import { Client } from "../client.ts";
import { type CommandSpec, isOn, textOf } from "../command.ts";
import { newsText } from "../news-text.ts";
import { REACH_OPTIONS, socketOf } from "../options.ts";

const DEFAULT_TYPES = "event,camera,process,broker";

export const watch: CommandSpec = {
  name: "watch",
  summary: "show events of the running Nightjar as they come, until Ctrl-C",
  options: [
    ...REACH_OPTIONS,
    {
      flags: "-t, --types <types>",
      description: `kinds of news, by commas: ${NEWS_TYPES.join(", ")}`,
      default: DEFAULT_TYPES,
    },
    { flags: "--camera <id>", description: "only of this camera" },
    { flags: "-n, --count <number>", description: "end after so many", parse: countOption },
    ...BROKER_OPTIONS,
  ],
  json: true,
  run: async (values, terminal) => {
    const { stdout } = terminal;
    if (textOf(values, "broker") !== undefined) {
      await watchBroker(values, terminal, interrupted());
      return { exitCode: EXIT.ok };
    }
    const types = typesOf(textOf(values, "types") ?? DEFAULT_TYPES);
    const camera = textOf(values, "camera");
    const count = typeof values.count === "number" ? values.count : Number.POSITIVE_INFINITY;
    const show = isOn(values, "json")
      ? (news: News) => JSON.stringify(news)
      : (news: News) => newsText(news, stdout.isTTY === true);
    let shown = 0;
    for await (const news of new Client(socketOf(values)).news(types, interrupted())) {
      if (camera !== undefined && news.camera !== camera) continue;
      stdout.write(`${show(news)}\n`);
      shown += 1;
      if (shown >= count) break;
    }
    return { exitCode: EXIT.ok };
  },
};

function typesOf(text: string): NewsType[] {
  const types = text.split(",").map((type) => type.trim());
  const unknown = types.find((type) => !NEWS_TYPES.includes(type as NewsType));
  if (unknown !== undefined) {
    throw new ExpectedError(EXIT.usage, `--types: there is no "${unknown}", expected some of ${NEWS_TYPES.join(", ")}`);
  }
  return types as NewsType[];
}

function countOption(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new ExpectedError(EXIT.usage, `--count: found "${text}", expected a whole number of at least 1`);
}

/** Aborts at Ctrl-C or SIGTERM, which is the ordinary end of watching. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
