/** Wear of the flash memory. */
import { readText } from "./read.ts";

/** eMMC devices tell their estimated wear in steps of 10 % (JEDEC eMMC 5.0, EXT_CSD 268 and 269); others have no such file. */
const FILE = "/sys/block/mmcblk0/device/life_time";

/** 0 to 1.1; null: it does not say. */
export async function lifeUsed(file = FILE): Promise<number | null> {
  const steps = ((await readText(file)) ?? "")
    .split(/\s+/)
    .map(Number)
    .filter((step) => step > 0);
  return steps.length === 0 ? null : Math.max(...steps) / 10;
}
