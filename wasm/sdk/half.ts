// Half-precision numbers: WebAssembly has none, so modules read their bits.
//
// Positive halves order as their bits do, as signed 16-bit integers: kernels compare bits and convert only what they keep.

/** Bits of +infinity; larger ones (as i16) are NaN. */
export const HALF_INFINITY: i16 = 0x7c00;

/** The number that 16 bits stand for (IEEE 754 binary16), exactly; subnormals, infinities and NaN included. */
export function halfToFloat(bits: u16): f32 {
  const magnitude = (<u32>bits & 0x7fff) << 13;
  // The exponent's bias is 112 larger in f32: one exact multiplication also normalises subnormals.
  const scaled = reinterpret<u32>(reinterpret<f32>(magnitude) * 5192296858534827628530496329220096.0);
  const finite = magnitude < 0x0f800000 ? scaled : magnitude | 0x7f800000;
  return reinterpret<f32>(finite | ((<u32>bits & 0x8000) << 16));
}

/** Bits of the smallest half that is at least `value`, which is 0 or more; those of infinity when there is none. */
export function halfAtLeast(value: f32): i16 {
  let low = 0;
  let high = <i32>HALF_INFINITY;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (halfToFloat(<u16>middle) >= value) high = middle;
    else low = middle + 1;
  }
  return <i16>low;
}
