import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { Entry } from "../../../../services/publisher/outbox/entry.ts";
import { WaitingLine } from "../../../../services/publisher/outbox/lane.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

it("a line lets go of what waits no more, also when nobody takes anything from it", async () => {
  const line = new WaitingLine();
  const first = fill(line, 5000);
  const last = { state: "waiting", sequence: 5001 } as Entry;
  line.push(last);
  expect(line.first()).toBe(last);
  await sleep(0);
  collectGarbage();
  expect(first.deref()).toBeUndefined();
});

function fill(line: WaitingLine, entries: number): WeakRef<Entry> {
  const [first, ...others] = Array.from({ length: entries }, (_, at) => ({ state: "gone", sequence: at + 1 }) as Entry);
  for (const entry of [first!, ...others]) line.push(entry);
  return new WeakRef(first!);
}
