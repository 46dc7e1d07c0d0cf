import type { RtspSource } from "../messages.ts";
import { parseAddress } from "./address.ts";
import {
  certificatesSetting,
  type PlanContext,
  type PropertySetting,
  type SourcePlan,
  setting,
  textSetting,
} from "./plan.ts";

type Transport = Exclude<RtspSource["transport"], "auto">;

const microseconds = (milliseconds: number): number => milliseconds * 1000;

/** How rtspsrc writes each. */
const protocols: Readonly<Record<Transport, string>> = { tcp: "tcp", udp: "udp", multicast: "udp-mcast" };

/**
 * auto: TCP first, for it passes firewalls and loses nothing on the way; then UDP, then TCP again. The one that brought
 * frames stays. rtspsrc's own fall-back is not used: it takes the source pad away and makes a new one, and the late
 * link to the decoder is made once.
 */
export function chooseTransport(wanted: RtspSource["transport"], context: PlanContext): Transport {
  if (wanted !== "auto") return wanted;
  if (context.provenTransport === "tcp" || context.provenTransport === "udp") return context.provenTransport;
  return context.retry % 2 === 0 ? "tcp" : "udp";
}

function trust({ tls }: RtspSource): PropertySetting[] {
  if (tls?.verify === false) return [textSetting("source", "tls-validation-flags", "no-flags")];
  return tls?.ca === undefined ? [] : [certificatesSetting("source", "tls-database", tls.ca)];
}

export function planRtsp(source: RtspSource, context: PlanContext): SourcePlan & { readonly transport: Transport } {
  const address = parseAddress(source.uri);
  const transport = chooseTransport(source.transport, context);
  const username = source.username ?? address.username;
  const password = source.password ?? address.password;
  return {
    description:
      "rtspsrc name=source source. ! application/x-rtp,media=video ! njprobe name=packets ! decodebin name=decoder",
    properties: [
      setting("source", "location", address.uri),
      textSetting("source", "protocols", protocols[transport]),
      setting("source", "latency", source.latencyMs),
      setting("source", "drop-on-latency", source.dropOnLatency),
      setting("source", "timeout", microseconds(source.timeoutMs)),
      setting("source", "tcp-timeout", microseconds(source.timeoutMs)),
      // A server that does not answer must not hold up taking the camera out.
      setting("source", "teardown-timeout", 100_000_000),
      ...trust(source),
      ...(username === null ? [] : [setting("source", "user-id", username)]),
      ...(password === null ? [] : [setting("source", "user-pw", password)]),
    ],
    live: true,
    paced: false,
    loops: false,
    ends: false,
    address: address.shown,
    remote: true,
    transport,
  };
}
