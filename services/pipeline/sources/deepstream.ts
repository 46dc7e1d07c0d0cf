/**
 * Sources of the profile `deepstream`: NVIDIA's source bin where it can read, and for the rest the portable recipe with
 * its frames brought into NVMM.
 */
import type { FileSource, RtspSource, SourceSettings } from "../messages.ts";
import { parseAddress } from "./address.ts";
import { planFile } from "./file.ts";
import { planSource } from "./index.ts";
import { type PlanContext, type PropertySetting, type SourcePlan, setting } from "./plan.ts";
import { chooseTransport, planRtsp } from "./rtsp.ts";

/** nvurisrcbin's select-rtp-protocol: GstRTSPLowerTrans. */
const protocols = { udp: 1, multicast: 2, tcp: 4 } as const;

/** Decoded by nvurisrcbin: in NVMM already. An element that does nothing keeps the place of the converter. */
const asTheyAre = "identity name=convert silent=true";

/** Frames from the CPU: nvvideoconvert takes only some of their formats. */
const upload = (gpu: number): string =>
  `videoconvert name=convert ! nvvideoconvert gpu-id=${gpu} ! video/x-raw(memory:NVMM),format=NV12`;

export function planForDeepStream(source: SourceSettings, context: PlanContext, gpu: number): SourcePlan {
  switch (source.kind) {
    case "rtsp":
      return fromRtsp(source, context, gpu);
    case "file":
      return fromFile(source, gpu);
    default:
      return { ...planSource(source, context), adapt: upload(gpu) };
  }
}

const common = (gpu: number): PropertySetting[] => [
  setting("source", "gpu-id", gpu),
  setting("source", "disable-audio", true),
];

/** It has no properties for the user: they stand in the address, which is set as a property and shown nowhere. */
function withUser(uri: string, username: string | null, password: string | null): string {
  if (username === null) return uri;
  const user = [username, ...(password === null ? [] : [password])].map(encodeURIComponent).join(":");
  return uri.replace("://", `://${user}@`);
}

function fromRtsp(source: RtspSource, context: PlanContext, gpu: number): SourcePlan & { readonly transport: string } {
  const portable = planRtsp(source, context);
  const address = parseAddress(source.uri);
  const transport = chooseTransport(source.transport, context);
  const uri = withUser(address.uri, source.username ?? address.username, source.password ?? address.password);
  return {
    ...portable,
    transport,
    description: "nvurisrcbin name=source",
    adapt: asTheyAre,
    properties: [
      ...common(gpu),
      setting("source", "uri", uri),
      setting("source", "select-rtp-protocol", protocols[transport]),
      setting("source", "latency", source.latencyMs),
      setting("source", "drop-on-latency", source.dropOnLatency),
      // Trying again is ours, with back-off and a reason that people can read.
      setting("source", "rtsp-reconnect-interval", 0),
    ],
  };
}

function fromFile(source: FileSource, gpu: number): SourcePlan {
  const portable = planFile(source);
  const uri = portable.properties.find(({ property }) => property === "uri")?.value ?? source.uri;
  return {
    ...portable,
    description: "nvurisrcbin name=source",
    adapt: asTheyAre,
    // It goes round by itself.
    loops: false,
    properties: [...common(gpu), setting("source", "uri", uri), setting("source", "file-loop", source.loop)],
  };
}
