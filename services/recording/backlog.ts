// Bytes on their way from the taps to the writer, in shared memory: what keeps a slow disk from filling the memory.

const KIBIBYTE = 1024;
/** More than this waits for no writer: frames are left out then. */
const MOST_BYTES = 48 * 1024 * KIBIBYTE;

export class Backlog {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** Without `shared`: new memory, to be given to the others. */
  constructor(shared = new SharedArrayBuffer(4)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
  }

  /** Of one frame; taken away again with remove() of the same number. */
  add(bytes: number): void {
    Atomics.add(this.#words, 0, Math.ceil(bytes / KIBIBYTE));
  }

  remove(bytes: number): void {
    Atomics.sub(this.#words, 0, Math.ceil(bytes / KIBIBYTE));
  }

  get full(): boolean {
    return Atomics.load(this.#words, 0) > MOST_BYTES / KIBIBYTE;
  }
}
