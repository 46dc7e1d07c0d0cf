// Maps a link many times, forgets the mappings, and prints how many are left after garbage collection.

import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { createLink, map } from "../../../firmware/link/addon.ts";

const fd = createLink(4096);
for (let i = 0; i < 50; i++) map(fd, 4096);
const left = () => readFileSync("/proc/self/maps", "utf8").match(/nightjar-link/g)?.length ?? 0;
for (let i = 0; i < 20 && left() > 0; i++) {
  globalThis.gc?.();
  await setTimeout(10);
}
console.log(left());
