/** Opens and closes an outbox whose disk gives no answer, and ends: node hanging.ts DIRECTORY */
import { openBox } from "./boxes.ts";

const { outbox } = await openBox({ directory: process.argv[2] });
await outbox.close(500);
process.exit();
