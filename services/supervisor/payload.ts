/** Reads from a payload of nvmsgconv what a person wants to see at a glance. The payload itself is published as it is. */
import type { ObjectView } from "./status.ts";

/** What nvmsgconv writes for an object without a track. */
const UNTRACKED = "18446744073709551615";

/** Members of the full schema's object that are not the label. */
const FIXED_MEMBERS = new Set([
  "id",
  "speed",
  "direction",
  "orientation",
  "bbox",
  "location",
  "coordinate",
  "pose",
  "maskoutline",
  "signature",
  "embedding",
  "SV3DT",
  "nightjar",
]);

/** The objects of a minimal payload (one per frame) or a full one (one per object); undefined when it is no such JSON. */
export function objectsOf(payload: Buffer): ObjectView[] | undefined {
  const document = parse(payload);
  if (document === undefined) return undefined;
  if (Array.isArray(document.objects)) return document.objects.map(minimalObject);
  if (typeof document.object === "object" && document.object !== null)
    return [fullObject(document.object as Record<string, unknown>)];
  return undefined;
}

/** The JSON object in a payload; undefined when there is none. */
export function parse(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** "42|100.5|200.25|310.75|355|car|#|…" */
function minimalObject(text: unknown): ObjectView {
  const [id = "", , , , , label = ""] = String(text).split("|");
  return { id: id === UNTRACKED ? "" : id, label };
}

function fullObject(object: Record<string, unknown>): ObjectView {
  const id = String(object.id ?? "");
  const label = Object.keys(object).find((key) => !FIXED_MEMBERS.has(key)) ?? "";
  return { id: id === UNTRACKED ? "" : id, label };
}
