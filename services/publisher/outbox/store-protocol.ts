/** What the outbox' thread is asked, and what it answers. */
import type { DeadLetter } from "./dead-letters.ts";
import type { JournalEntry } from "./journal.ts";
import type { PackedMessages } from "./packing.ts";
import type { Batch, CommitResult, Opening, ReadRequest, StoreOptions } from "./store.ts";

export type PackedBatch = Omit<Batch, "inserts" | "dead"> & {
  readonly inserts: PackedMessages;
  /** `reasons` has one for each. */
  readonly dead: PackedMessages;
  readonly reasons: readonly string[];
};

/** Each question with its answer. */
export interface Operations {
  open: { asks: StoreOptions; gets: Opening };
  commit: { asks: PackedBatch; gets: CommitResult };
  read: { asks: ReadRequest; gets: PackedMessages };
  begin: { asks: { id: string; command: string; at: number }; gets: JournalEntry | undefined };
  finish: { asks: { id: string; reply: string }; gets: undefined };
  forget: { asks: { id: string }; gets: undefined };
  deadLetters: { asks: { limit: number }; gets: DeadLetter[] };
  close: { asks: undefined; gets: undefined };
}

export type Operation = keyof Operations;

export interface Question<Name extends Operation = Operation> {
  readonly number: number;
  readonly operation: Name;
  readonly input: Operations[Name]["asks"];
}

export type Answer =
  | { readonly number: number; readonly ok: true; readonly value: unknown }
  | { readonly number: number; readonly ok: false; readonly problem: StoreFailure };

/** An error of SQLite or the file system, on its way between threads. */
export interface StoreFailure {
  readonly message: string;
  /** SQLite's result code, or the system's code such as ENOSPC. */
  readonly code: string;
  /** The file is beyond repair: opening it again puts it aside and begins a new one. */
  readonly isDamage: boolean;
}
