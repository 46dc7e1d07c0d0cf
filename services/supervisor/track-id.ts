/**
 * A track id as people read it. The upper half of an id says in which run of the tracker it was given (so that no id is given twice
 * on a device); what differs from object to object is the lower half.
 */
export function shortTrackId(id: string): string {
  return /^\d{10,20}$/.test(id) ? String(BigInt(id) & 0xffff_ffffn) : id;
}
