/** The shared part of the graph as data: what stands in it, in the order of the stream, before any of it exists. */
import type { PipelineSettings } from "./messages.ts";
import type { ElementSpec, Profile } from "./profile.ts";

export interface PlannedElement {
  /** Names it for setParameters, statistics and errors. */
  readonly name: string;
  readonly spec: ElementSpec;
}

export interface GraphPlan {
  /** From the muxer to the place where payloads and pictures part. */
  readonly chain: readonly PlannedElement[];
  /** Behind it; null: payloads are not handed over. */
  readonly payloads: PlannedElement | null;
  readonly unbatch: PlannedElement;
  /** Where pictures of all cameras meet, and their sink; empty: none are made. */
  readonly pictures: readonly PlannedElement[];
  /** Elements that the branches of cameras need. */
  readonly branches: readonly string[];
}

/** Of the plugin, in every profile: the source and view branches count with them. */
const always = ["njprobe", "njloop", "njgate"] as const;

export function planGraph(profile: Profile, settings: PipelineSettings): GraphPlan {
  const { infer, analytics, messages, payloadFd, pictureFd } = settings;
  const tracker = profile.track();
  const chain: PlannedElement[] = [{ name: "batch", spec: profile.batch(settings.batch, settings) }];
  if (infer !== null) chain.push({ name: "infer", spec: profile.infer(infer, settings.batch) });
  if (tracker !== null) chain.push({ name: "nvtracker", spec: tracker });
  for (const step of analytics) chain.push({ name: step.name, spec: profile.analyze(step) });
  profile.message(messages).forEach((spec, i) => {
    chain.push({ name: i === 0 ? "message" : `message-${i + 1}`, spec });
  });
  chain.push({ name: "split", spec: { factory: "tee", properties: { "allow-not-linked": true } } });
  return {
    chain,
    payloads: payloadFd === null ? null : { name: "payloads", spec: profile.handOver(payloadFd, messages) },
    unbatch: { name: "unbatch", spec: profile.unbatch() },
    pictures:
      pictureFd === null
        ? []
        : [
            { name: "pictures", spec: { factory: "funnel", properties: {} } },
            { name: "picture-sink", spec: profile.handOverPictures(pictureFd) },
          ],
    branches: [...always, ...profile.sourceElements, ...(pictureFd === null ? [] : profile.pictureElements)],
  };
}

/** Every kind of element that has to be there, each once. */
export function factoriesOf({ chain, payloads, unbatch, pictures, branches }: GraphPlan): string[] {
  const planned = [...chain, ...(payloads === null ? [] : [payloads]), unbatch, ...pictures];
  return [...new Set([...planned.map(({ spec }) => spec.factory), ...branches])];
}
