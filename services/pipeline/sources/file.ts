import { pathToFileURL } from "node:url";
import type { FileSource } from "../messages.ts";
import { parseAddress } from "./address.ts";
import { type SourcePlan, setting, textSetting } from "./plan.ts";

const isUri = (location: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(location);

export function planFile(source: FileSource): SourcePlan {
  const uri = isUri(source.uri) ? source.uri : pathToFileURL(source.uri).href;
  const local = uri.startsWith("file:");
  return {
    description: "uridecodebin name=source expose-all-streams=false",
    properties: [setting("source", "uri", uri), textSetting("source", "caps", "video/x-raw(ANY)")],
    live: source.realtime,
    paced: source.realtime,
    loops: source.loop,
    // What comes over the network is taken for a live stream: its end is a fault, and it is tried again.
    ends: local && !source.loop,
    address: local ? decodeURIComponent(uri.slice("file://".length)) : parseAddress(uri).shown,
    remote: !local,
  };
}
