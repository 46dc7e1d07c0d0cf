/** Puts records into an outbox whose system calls fail now and then: node failing.ts DIRECTORY COUNT */
import { writeSync } from "node:fs";
import { message, openBox } from "./boxes.ts";

const [directory, count] = process.argv.slice(2);
const { outbox } = await openBox({ directory });
let open = 0;
for (let i = 0; i < Number(count); i++) {
  open += 1;
  // Not awaited: while the disk does not work, what it was to take waits.
  void outbox.enqueue(message("event", { bytes: 500 })).then(({ epoch, sequence, kept }) => {
    open -= 1;
    if (kept) writeSync(1, `kept ${epoch} ${sequence}\n`);
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const end = performance.now() + 20_000;
while (open > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
process.exit();
