/** News as one line for people. */

import type { News } from "../control/event-hub.ts";
import { clockText, formatEntry, type LogEntry } from "../log/entry.ts";
import type { DeploymentEvent } from "../supervisor/deployments/parts.ts";
import type { BrokerView, Status } from "../supervisor/status.ts";
import { shortTrackId } from "../supervisor/track-id.ts";
import type { UpdateStatus } from "../updater/types.ts";

export function newsText(news: News, color: boolean): string {
  if (news.type === "log") return formatEntry(news.data as LogEntry, color);
  const paint = (code: string, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const head = `${paint("2", clockText(news.time))} ${paint("36", news.type.padEnd(7))}`;
  const camera = news.camera === undefined ? "" : `${paint("1", news.camera)} `;
  return `${head} ${camera}${contentText(news)}`;
}

function contentText({ type, data }: News): string {
  switch (type) {
    case "camera": {
      const { change, state, reason } = data as { change: string; state?: string; reason?: string };
      return change === "state" ? withReason(`is ${state}`, reason) : change;
    }
    case "process": {
      const { name, state, reason } = data as { name: string; state: string; reason: string };
      return withReason(`${name} is ${state}`, reason);
    }
    case "bundle": {
      const { element, bundle, step, reason, framesWithoutObjects } = data as DeploymentEvent;
      const lost = framesWithoutObjects > 0 ? ` (${framesWithoutObjects} frames without objects)` : "";
      return `${withReason(`${bundle.name} ${bundle.version} for ${element}: ${step}`, reason)}${lost}`;
    }
    case "broker": {
      const { url, state, reason } = data as BrokerView;
      return withReason(`${url} ${state}`, reason);
    }
    case "status": {
      const { totals } = data as Status;
      return `${totals.fps.toFixed(1)} fps, ${totals.messagesPerSecond.toFixed(1)} messages/s, ${totals.eventsPerSecond.toFixed(1)} events/s`;
    }
    case "update": {
      const { state, release, lastCheck } = data as UpdateStatus;
      const what = release === null ? state : `${release.channel} ${release.version} is ${state}`;
      return withReason(what, lastCheck?.problem);
    }
    case "event":
      return eventText(data);
    default:
      return oneLine(data);
  }
}

function withReason(text: string, reason: string | undefined): string {
  return reason === undefined || reason === "" ? text : `${text}: ${reason}`;
}

/** "line-crossing car #12 gate in 3", from what our modules' events have in common; anything else as it is. */
function eventText(data: unknown): string {
  const { type, rule, value, direction, object } = (data ?? {}) as {
    type?: unknown;
    rule?: unknown;
    value?: unknown;
    direction?: unknown;
    object?: { id?: unknown; classId?: unknown; label?: unknown } | null;
  };
  if (typeof type !== "string") return oneLine(data);
  const what =
    object === undefined || object === null
      ? ""
      : `${object.label || `class ${object.classId}`} #${shortTrackId(String(object.id))}`;
  const number = typeof value === "number" ? String(Math.round(value * 100) / 100) : "";
  return [type, what, rule, direction, number].filter((part) => typeof part === "string" && part !== "").join(" ");
}

/** Objects of a minimal message as a list, anything else as JSON. */
function oneLine(data: unknown): string {
  const objects = (data as { objects?: unknown } | null)?.objects;
  return Array.isArray(objects) ? objects.join("  ") || "no objects" : JSON.stringify(data);
}
