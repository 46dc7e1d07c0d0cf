/** Runs a small supervisor as a program and tells its processes, for tests that kill it. */
import { startSmall } from "./small-supervisor.ts";

const { supervisor } = await startSmall({ console: { enabled: false } });
setInterval(() => process.stdout.write(`${JSON.stringify(supervisor.status().processes)}\n`), 50);
