/** Statistics structures of elements, from GStreamer's text form: `name, key=(type)value, key=(type)value;`. */
import type { ElementStats } from "./messages.ts";

const field = /([A-Za-z][\w-]*)=\((\w+)\)("(?:[^"\\]|\\.)*"|[^,;]*)/g;

function readValue(type: string, text: string): number | string | boolean {
  const plain = text.trim();
  if (type === "boolean") return plain === "true" || plain === "TRUE";
  if (type === "string") return plain.startsWith('"') ? plain.slice(1, -1).replace(/\\(.)/g, "$1") : plain;
  const number = Number(plain);
  return Number.isNaN(number) ? plain : number;
}

/** Nested structures are left as text. */
export function parseStats(structure: string): ElementStats {
  const stats: Record<string, number | string | boolean> = {};
  for (const [, key, type, text] of structure.matchAll(field)) {
    if (key !== undefined && type !== undefined && text !== undefined) stats[key] = readValue(type, text);
  }
  return stats;
}
