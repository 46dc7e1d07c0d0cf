/** Reads the two pipes of a pipeline process and hands each record to the camera that it belongs to. */
import type { Readable } from "node:stream";
import { messageOf } from "../log/errors.ts";
import { KIND, type PayloadRecord, RecordReader } from "../publisher/record.ts";

export interface RouterHandlers {
  /** Kinds objects and event. */
  onMessage(record: PayloadRecord): void;
  onPicture(record: PayloadRecord): void;
  /** Records were lost between the element and us because we read too slowly. */
  onDropped(count: number, what: "messages" | "pictures"): void;
  /** The stream cannot be read any more: its writer has to be started anew. */
  onBroken(reason: string): void;
}

/** @param pipes payload records, pictures */
export function routeRecords(pipes: readonly Readable[], handlers: RouterHandlers): void {
  const [messages, pictures] = pipes;
  if (messages !== undefined) read(messages, "messages", handlers);
  if (pictures !== undefined) read(pictures, "pictures", handlers);
}

function read(pipe: Readable, what: "messages" | "pictures", handlers: RouterHandlers): void {
  const reader = new RecordReader();
  pipe.on("data", (chunk: Buffer) => {
    try {
      for (const record of reader.push(chunk)) route(record, what, handlers);
    } catch (error) {
      pipe.destroy();
      handlers.onBroken(messageOf(error));
    }
  });
}

function route(record: PayloadRecord, what: "messages" | "pictures", handlers: RouterHandlers): void {
  if (record.dropped > 0) handlers.onDropped(record.dropped, what);
  if (record.kind === KIND.media) handlers.onPicture(record);
  else if (record.kind === KIND.objects || record.kind === KIND.event) handlers.onMessage(record);
}
