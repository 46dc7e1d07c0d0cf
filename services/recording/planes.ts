// Numbers byte by byte: all first bytes, then all second ones. Bytes that mean the same stand together then, and compress better.

/** Of numbers of `size` bytes; a rest that is no whole number stays at the end. */
export function toPlanes(bytes: Uint8Array, size: number): Uint8Array {
  if (size === 1) return bytes;
  const out = new Uint8Array(bytes.length);
  const count = Math.floor(bytes.length / size);
  for (let plane = 0; plane < size; plane++) {
    const start = plane * count;
    for (let i = 0, at = plane; i < count; i++, at += size) out[start + i] = bytes[at]!;
  }
  out.set(bytes.subarray(count * size), count * size);
  return out;
}

export function fromPlanes(planes: Uint8Array, size: number): Uint8Array {
  if (size === 1) return planes;
  const out = new Uint8Array(planes.length);
  const count = Math.floor(planes.length / size);
  for (let plane = 0; plane < size; plane++) {
    const start = plane * count;
    for (let i = 0, at = plane; i < count; i++, at += size) out[at] = planes[start + i]!;
  }
  out.set(planes.subarray(count * size), count * size);
  return out;
}

/** `values` minus `before`, byte by byte, in place. */
export function subtract(values: Uint8Array, before: Uint8Array | undefined): void {
  if (before?.length !== values.length) return;
  for (let i = 0; i < values.length; i++) values[i] = values[i]! - before[i]!;
}

/** Undoes subtract, in place. */
export function add(values: Uint8Array, before: Uint8Array | undefined): void {
  if (before?.length !== values.length) return;
  for (let i = 0; i < values.length; i++) values[i] = values[i]! + before[i]!;
}
