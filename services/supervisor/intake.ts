/** Takes what comes out of the pipeline's pipes to those who want it: figures, broker, listeners, viewers. */

import type { EventHub } from "../control/event-hub.ts";
import type { Pictures } from "../control/pictures.ts";
import type { Logger } from "../log/logger.ts";
import type { Publisher } from "../publisher/publisher.ts";
import { KIND, type PayloadRecord } from "../publisher/record.ts";
import type { EventEvidence } from "./event-evidence.ts";
import type { LiveModel } from "./live-model.ts";
import { parse } from "./payload.ts";
import type { RouterHandlers } from "./payload-router.ts";

export interface IntakeParts {
  readonly model: LiveModel;
  readonly publisher: Publisher;
  readonly news: EventHub;
  readonly pictures: Pictures;
  readonly log: Logger;
  /** Keeps a picture for each event; undefined when that is not wanted. */
  readonly evidence?: EventEvidence | undefined;
}

/** @param restartPipeline ends the pipeline process, whose records cannot be read any more */
export function intake(parts: IntakeParts, restartPipeline: () => void): RouterHandlers {
  return {
    onMessage: (record) => takeMessage(record, parts),
    onPicture: (record) => {
      const camera = parts.model.cameraOf(record.sourceId);
      if (camera !== undefined) parts.pictures.push(camera, record.payload, Date.now());
    },
    onDropped: (count, what) => {
      // Pictures are dropped on purpose when nobody can take them.
      if (what === "pictures") return;
      parts.model.recordsDropped(count);
      parts.publisher.recordsDropped(count);
      parts.log.warn({ count }, "messages were dropped between pipeline and supervisor: this machine is overloaded");
    },
    onBroken: (reason) => {
      parts.log.error(`records of the pipeline cannot be read: ${reason}; starting it again`);
      restartPipeline();
    },
  };
}

function takeMessage(taken: PayloadRecord, { model, publisher, news, log, evidence }: IntakeParts): void {
  const now = Date.now();
  model.message(taken, now);
  const camera = model.cameraOf(taken.sourceId);
  if (camera === undefined) return;
  evidence?.follow(camera);
  const hasPicture = evidence !== undefined && taken.kind === KIND.event;
  const record = hasPicture ? { ...taken, payload: evidence.attach(camera, taken.payload) } : taken;
  publisher.publishRecord(record, camera).catch((error) => log.error({ err: error }, "a message was not kept"));
  const type = record.kind === KIND.event ? "event" : "objects";
  // Only what somebody listens to, or what is kept, is worth reading a second time.
  if (type === "objects" && !news.wants("objects")) return;
  news.publish({ type, time: now, camera, data: parse(record.payload) ?? record.payload.toString("utf8") });
}
