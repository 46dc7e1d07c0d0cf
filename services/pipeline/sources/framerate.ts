/** 15 → 15/1; 29.97 → 30000/1001, as devices and files write it. */
export function fraction(framerate: number): string {
  if (Number.isInteger(framerate)) return `${framerate}/1`;
  const ntsc = Math.ceil(framerate);
  if (Math.abs((ntsc * 1000) / 1001 - framerate) < 0.01) return `${ntsc * 1000}/1001`;
  return `${Math.round(framerate * 1000)}/1000`;
}
