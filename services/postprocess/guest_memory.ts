// A module's memory as the host sees it, and what a module is told about its surroundings.

import { ALIGN } from "./module_abi.ts";

/** A model's output without the batch axis. */
export interface GuestTensor {
  name: string;
  /** DataType of the link. */
  dataType: number;
  dims: readonly number[];
  /** Of one frame. */
  bytes: number;
  scale: number;
  zeroPoint: number;
}

/** What a module learns once. */
export interface GuestSetup {
  /** Kind of the link. */
  kind: number;
  maxObjects: number;
  maxEvents: number;
  auxBytes: number;
  tensors: readonly GuestTensor[];
  labels: readonly string[];
  /** Pixels of the network input; 0 for analyze modules. */
  networkWidth: number;
  networkHeight: number;
}

export type GuestErrorCode = "module" | "parameters" | "limits" | "version";

/** The module refused, or did what it must not. A trap is a WebAssembly.RuntimeError or a RangeError instead. */
export class GuestError extends Error {
  override readonly name = "GuestError";
  readonly code: GuestErrorCode;

  constructor(code: GuestErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The memory of an instance. Never keep `bytes`, `floats` or `view`: they are others once it has grown. */
export class GuestMemory {
  bytes!: Uint8Array<ArrayBuffer>;
  /** By words of 4 bytes. */
  floats!: Float32Array<ArrayBuffer>;
  view!: DataView<ArrayBuffer>;
  readonly #memory: WebAssembly.Memory;
  readonly #allocate: (bytes: number) => number;

  constructor(memory: WebAssembly.Memory, allocate: (bytes: number) => number) {
    this.#memory = memory;
    this.#allocate = allocate;
    this.refresh();
  }

  /** After each call of the module: views are detached when the memory grows. */
  refresh(): void {
    const { buffer } = this.#memory;
    if (buffer === this.bytes?.buffer) return;
    this.bytes = new Uint8Array(buffer);
    this.floats = new Float32Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Room for good, at a multiple of 64. Throws GuestError when there is none. */
  alloc(bytes: number): number {
    const at = this.#allocate(bytes) >>> 0;
    this.refresh();
    if (at % ALIGN === 0 && at > 0 && at + bytes <= this.bytes.length) return at;
    const found = at === 0 ? "found no memory" : `returned ${at}, not a multiple of ${ALIGN} inside its memory`;
    throw new GuestError("limits", `nj_alloc(${bytes}) ${found} (limits.memory-pages)`);
  }

  /** A u32. */
  setWord(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  /** Text that the module wrote, without control characters; what lies outside of the memory is cut off. */
  text(at: number, bytes: number): string {
    const { buffer } = this.#memory;
    const start = Math.min(at, buffer.byteLength);
    const length = Math.min(bytes, buffer.byteLength - start);
    return Buffer.from(buffer, start, length)
      .toString()
      .replace(/\p{Cc}/gu, " ");
  }
}
