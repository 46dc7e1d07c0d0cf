/** Quantities as people write them: a number with its unit. A bare number is never accepted, for it would be guessed at. */

/** Milliseconds. */
export type Milliseconds = number;
/** Bytes. */
export type Bytes = number;
/** 0 to 1. */
export type Fraction = number;

const MILLISECONDS_PER = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES_PER = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
} as const;

export const DURATION_PATTERN = /^\d+(\.\d+)?(ms|s|min|h|d)$/;
export const SIZE_PATTERN = /^\d+(\.\d+)?(B|kB|MB|GB|KiB|MiB|GiB)$/;
export const PERCENT_PATTERN = /^\d+(\.\d+)?%$/;

/** "200ms", "20s", "5min", "1.5h", "30d" in milliseconds; undefined when it is not a duration. */
export function parseDuration(text: string): Milliseconds | undefined {
  return parseQuantity(text, DURATION_PATTERN, MILLISECONDS_PER);
}

/** "64MiB", "500kB" in bytes; undefined when it is not a size. */
export function parseSize(text: string): Bytes | undefined {
  const bytes = parseQuantity(text, SIZE_PATTERN, BYTES_PER);
  return bytes === undefined ? undefined : Math.round(bytes);
}

/** "75%" as 0.75; undefined when it is not a percentage from 0% to 100%. */
export function parsePercent(text: string): Fraction | undefined {
  if (!PERCENT_PATTERN.test(text)) return undefined;
  const fraction = Number(text.slice(0, -1)) / 100;
  return fraction <= 1 ? fraction : undefined;
}

/** The shortest exact spelling: 1500 is "1500ms", 2000 is "2s". */
export function formatDuration(milliseconds: Milliseconds): string {
  for (const unit of ["d", "h", "min", "s"] as const) {
    const count = milliseconds / MILLISECONDS_PER[unit];
    if (count >= 1 && Number.isInteger(count)) return `${count}${unit}`;
  }
  return `${milliseconds}ms`;
}

function parseQuantity(text: string, pattern: RegExp, factors: Record<string, number>): number | undefined {
  const unit = pattern.exec(text)?.[2];
  const factor = unit === undefined ? undefined : factors[unit];
  return factor === undefined ? undefined : Number.parseFloat(text) * factor;
}
