/** When the updater may do what: polls that do not come together, and hours of the day. */

/** Minutes of the local day; `end` before `start` goes over midnight. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

const DAY = 24 * 60;
/** A poll comes earlier or later by up to this share. */
const JITTER = 0.1;

export const WINDOW_PATTERN = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/** "02:00-05:00"; undefined when it is no window. */
export function parseWindow(text: string): Window | undefined {
  const found = WINDOW_PATTERN.exec(text);
  if (found === null) return undefined;
  const [startHour = 0, startMinute = 0, endHour = 0, endMinute = 0] = found.slice(1).map(Number);
  return { start: startHour * 60 + startMinute, end: endHour * 60 + endMinute };
}

/** Whether one of the windows is open; none at all: always. */
export function isOpen(windows: readonly Window[], now: Date): boolean {
  return windows.length === 0 || windows.some((window) => isWithin(window, minuteOf(now)));
}

/** ms until a window opens; 0 when one is open. */
export function msUntilOpen(windows: readonly Window[], now: Date): number {
  if (isOpen(windows, now)) return 0;
  const minutes = windows.map(({ start }) => (start - minuteOf(now) + DAY) % DAY);
  return Math.min(...minutes) * 60_000 - now.getSeconds() * 1000;
}

export function windowsText(windows: readonly Window[]): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = (minute: number) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
  return windows.map(({ start, end }) => `${clock(start)}-${clock(end)}`).join(", ");
}

/** Devices that were switched on together do not ask together. @param random 0..1 */
export function firstPollMs(intervalMs: number, random: number): number {
  return intervalMs * random;
}

export function nextPollMs(intervalMs: number, random: number): number {
  return intervalMs * (1 - JITTER + 2 * JITTER * random);
}

function isWithin({ start, end }: Window, minute: number): boolean {
  return start <= end ? minute >= start && minute < end : minute >= start || minute < end;
}

function minuteOf(date: Date): number {
  return date.getHours() * 60 + date.getMinutes();
}
