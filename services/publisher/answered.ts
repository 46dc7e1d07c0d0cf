/** A question to something that may fail, or never answer. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../log/errors.ts";

export type Answered<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };

/** Never rejects. @param limitMs an answer that takes longer is none */
export async function answered<Value>(question: Promise<Value>, limitMs: number): Promise<Answered<Value>> {
  const late = new AbortController();
  const answer = question.then(
    (value): Answered<Value> => ({ ok: true, value }),
    (error): Answered<Value> => ({ ok: false, problem: messageOf(error) }),
  );
  const problem = `no answer within ${limitMs / 1000} s`;
  const limit = sleep(limitMs, { ok: false, problem } as const, { signal: late.signal, ref: false });
  const result = await Promise.race([answer, limit]);
  limit.catch(() => undefined);
  late.abort();
  return result;
}
