/** Outboxes for tests: in memory or on a disk, and messages to put in. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Outbox, type OutboxOptions, type Receipt } from "../../../../services/publisher/outbox/outbox.ts";
import {
  type ClassPolicy,
  DEFAULT_POLICIES,
  type MessageClass,
  type OutboxMessage,
  type TakenMessage,
} from "../../../../services/publisher/outbox/types.ts";

export interface Box {
  readonly outbox: Outbox;
  /** Lost so far, by reason. */
  readonly losses: Map<string, number>;
  readonly problems: string[];
  readonly replaced: string[];
}

export interface BoxOptions extends Partial<Omit<OutboxOptions, "policies" | "disk">> {
  /** Undefined: in memory. */
  readonly directory?: string | undefined;
  readonly freeShare?: number;
  readonly classes?: Partial<Record<MessageClass, Partial<ClassPolicy>>>;
}

export async function openBox(options: BoxOptions = {}): Promise<Box> {
  const { directory, freeShare = 0, classes = {}, ...rest } = options;
  const losses = new Map<string, number>();
  const problems: string[] = [];
  const replaced: string[] = [];
  const policy = (kind: MessageClass): ClassPolicy => ({ ...DEFAULT_POLICIES[kind], commitMs: 20, ...classes[kind] });
  const outbox = new Outbox(
    {
      policies: {
        alarm: policy("alarm"),
        event: policy("event"),
        telemetry: policy("telemetry"),
        debug: policy("debug"),
      },
      memoryBytes: 16 * 1024 * 1024,
      backlogRate: 0,
      disk: directory === undefined ? undefined : { directory, freeShare },
      ...rest,
    },
    {
      onReady: () => undefined,
      onLoss: (reason, count) => losses.set(reason, (losses.get(reason) ?? 0) + count),
      onStoreProblem: (text) => problems.push(text),
      onStoreReplaced: (movedTo) => replaced.push(movedTo),
    },
  );
  await outbox.open();
  return { outbox, losses, problems, replaced };
}

export function message(
  kind: MessageClass = "event",
  fields: Partial<OutboxMessage> & { bytes?: number } = {},
): OutboxMessage {
  const { bytes = 10, ...rest } = fields;
  const payload = Buffer.alloc(bytes, "x");
  return { class: kind, topic: "t", payload, contentType: "application/json", captureNs: 0n, ...rest };
}

/** Puts in so many at once; resolves when all are kept. */
export function add(outbox: Outbox, count: number, kind: MessageClass = "event", bytes = 10): Promise<Receipt[]> {
  return Promise.all(Array.from({ length: count }, () => outbox.enqueue(message(kind, { bytes }))));
}

export function sequences(messages: readonly { readonly sequence: number }[]): number[] {
  return messages.map(({ sequence }) => sequence);
}

/** How long a disk may take to bring what waits on it, milliseconds. */
const PATIENCE_MS = 1500;

/** Takes and acknowledges until nothing is left, or until nothing has come for a while. */
export async function drain(outbox: Outbox, limit = 20): Promise<TakenMessage[]> {
  const all: TakenMessage[] = [];
  let last = performance.now();
  while (outbox.stats().messages > 0 && performance.now() - last < PATIENCE_MS) {
    const taken = outbox.take(limit);
    for (const one of taken) outbox.acknowledge(one);
    all.push(...taken);
    if (taken.length > 0) last = performance.now();
    await new Promise((resolve) => setTimeout(resolve, taken.length === 0 ? 10 : 0));
  }
  return all;
}

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "nightjar-outbox-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
