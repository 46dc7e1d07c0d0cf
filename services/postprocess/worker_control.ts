// A few words of shared memory between the main thread and one worker: whether it shall stop, what it is doing.
// A worker that waits for a bell or runs a module cannot be reached by messages; this it can see, and be seen by.

const STOP = 0;
const SLOT = 1;
const SINCE = 1;
const HIGHEST_ID = 2;
const THREAD = 6;
const ORDERS = 7;
const BYTES = 32;

/** begin() with these instead of a slot: the worker starts the module, or asks it for its state. */
export const NO_SLOT = -1;
export const SAVING = -2;

/** What stop() asks for. */
const STOPPED = 1;
const STOPPED_WITH_STATE = 2;

/** Nanoseconds of CLOCK_MONOTONIC: the same in all threads. */
export const now = process.hrtime.bigint;

export class WorkerControl {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #times: BigInt64Array;

  /** Without `shared`: new memory, to be given to the worker. */
  constructor(shared = new SharedArrayBuffer(BYTES)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
    this.#times = new BigInt64Array(shared);
  }

  get stopped(): boolean {
    return Atomics.load(this.#words, STOP) !== 0;
  }

  /** The worker is to hand its module's state over before it ends. */
  get wantsState(): boolean {
    return Atomics.load(this.#words, STOP) === STOPPED_WITH_STATE;
  }

  /** Main thread: ring the worker's bell afterwards. */
  stop(withState = false): void {
    Atomics.store(this.#words, STOP, withState ? STOPPED_WITH_STATE : STOPPED);
  }

  /** Links that the worker was told to serve: it leaves one when the next message waits for it. */
  get orders(): number {
    return Atomics.load(this.#words, ORDERS);
  }

  /** Main thread: before the message, and ring the worker's bell afterwards. */
  order(): void {
    Atomics.add(this.#words, ORDERS, 1);
  }

  /** Worker: begins with a slot. */
  begin(slot: number): void {
    Atomics.store(this.#words, SLOT, slot);
    Atomics.store(this.#times, SINCE, now());
  }

  /** Worker: has ended it. */
  end(): void {
    Atomics.store(this.#times, SINCE, 0n);
  }

  /** The slot it works on, since when and for how long (ms); undefined when it is idle. */
  get busy(): { slot: number; since: bigint; ms: number } | undefined {
    const since = Atomics.load(this.#times, SINCE);
    if (since === 0n) return undefined;
    return { slot: Atomics.load(this.#words, SLOT), since, ms: Number(now() - since) / 1e6 };
  }

  /** The worker's thread, as the kernel numbers it. */
  get thread(): number {
    return Atomics.load(this.#words, THREAD);
  }

  set thread(thread: number) {
    Atomics.store(this.#words, THREAD, thread);
  }

  /** The highest object id that the module has given. */
  get highestObjectId(): bigint {
    return Atomics.load(this.#times, HIGHEST_ID);
  }

  set highestObjectId(id: bigint) {
    Atomics.store(this.#times, HIGHEST_ID, id);
  }
}
