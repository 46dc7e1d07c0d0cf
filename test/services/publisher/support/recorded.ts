/**
 * Work for an outbox on a recorded disk: node recorded.ts DIRECTORY LOG COUNT
 * Says "kept SEQUENCE WRITES" for each record that was taken: it must be there after any cut behind so many writes.
 */
import { countEntries } from "../../../support/crash-recorder.ts";
import { add, drain, message, openBox } from "./boxes.ts";

const [directory, log, count] = process.argv.slice(2);
const { outbox } = await openBox({ directory });
console.log(`open ${outbox.epoch} ${countEntries(log!)}`);
for (let round = 0; round < Number(count); round++) {
  const kind = round % 3 === 0 ? "alarm" : "event";
  const receipts =
    round % 4 === 3 ? await add(outbox, 10, kind, 900) : [await outbox.enqueue(message(kind, { bytes: 900 }))];
  const writes = countEntries(log!);
  for (const { sequence } of receipts) console.log(`kept ${sequence} ${writes}`);
  if (round % 8 !== 7) continue;
  // Some go to a broker: what it has acknowledged may be gone, or still be there.
  outbox.online();
  const gone = await drain(outbox, 5);
  console.log(`sent ${gone.map(({ sequence }) => sequence).join(" ")}`);
  outbox.offline();
}
await outbox.close();
