import { describe, expect, it } from "vitest";
import { DataType, Kind } from "../../../firmware/link/protocol.ts";
import { compileC } from "../support/c.ts";
import { TestModule } from "../support/module.ts";

// Tensors in blocks (ABI 1.1), seen by a module that notes every call: an object for each block, with tensor, offset, length and the
// sum of its bytes, and one for the sum of the tensor that came whole.

const source = (exported: boolean, blockBytes: number) => `#include "nightjar.h"
  extern unsigned char __heap_base;
  static uint32_t next_free;
  static nj_object_record noted[64];
  static uint32_t count, whole_bytes;

  NJ_EXPORT(nj_abi) uint32_t nj_abi(void) { return NJ_ABI_MAJOR << 16 | NJ_ABI_MINOR; }
  NJ_EXPORT(nj_kind) uint32_t nj_kind(void) { return NJ_DETECT; }
  NJ_EXPORT(nj_alloc) uint32_t nj_alloc(uint32_t bytes) {
    if (!next_free) next_free = (uint32_t)&__heap_base;
    const uint32_t at = (next_free + 63) & ~63u;
    next_free = at + bytes;
    while (__builtin_wasm_memory_size(0) * 65536 < next_free) __builtin_wasm_memory_grow(0, 1);
    return at;
  }
  NJ_EXPORT(nj_init) int32_t nj_init(nj_init_block *block) {
    whole_bytes = block->tensors[0].bytes;
    block->tensors[1].block_bytes = ${blockBytes};
    return NJ_OK;
  }
  NJ_EXPORT(nj_configure) int32_t nj_configure(const nj_param_block *block) { return block->count ? NJ_FAILED : NJ_OK; }
  static void note(uint32_t tensor, uint32_t offset, const uint8_t *data, uint32_t bytes) {
    nj_object_record object = {0};
    object.left = tensor;
    object.top = offset;
    object.width = bytes;
    for (uint32_t i = 0; i < bytes; i++) object.height += data[i];
    object.object_id = NJ_UNTRACKED;
    object.parent = object.input = -1;
    if (count < 64) noted[count++] = object;
  }
  ${exported ? "NJ_EXPORT(nj_block)" : "__attribute__((unused)) static"}
  int32_t nj_block(nj_frame_block *frame, uint32_t tensor, uint32_t offset, uint32_t bytes) {
    if (frame->record.width != 1280) return NJ_FAILED;
    if (offset == 400) { nj_log(3, "no more", 7); return NJ_BAD_TENSORS; }
    note(tensor, offset, frame->tensors[tensor], bytes);
    return NJ_OK;
  }
  NJ_EXPORT(nj_process) int32_t nj_process(nj_frame_block *frame) {
    note(0, 0, frame->tensors[0], whole_bytes);
    for (uint32_t i = 0; i < count; i++) frame->objects_out_at[i] = noted[i];
    frame->record.objects_out = count;
    count = 0;
    return NJ_OK;
  }`;

function subject(bytes: number, blockBytes = 100, exported = true): TestModule {
  const outputs = [
    { dims: [10], dataType: DataType.Uint8 },
    { dims: [bytes], dataType: DataType.Uint8, name: "large" },
  ];
  return new TestModule(compileC(source(exported, blockBytes)), Kind.Detect, { outputs });
}

function blocksOf(module: TestModule, bytes: number): number[][] {
  const large = Uint8Array.from({ length: bytes }, (_, i) => i % 7);
  const { objects } = module.run({ outputs: [new Uint8Array(10).fill(1), large] });
  return objects.map(({ left, top, width, height }) => [left, top, width, height]);
}

const sum = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => (from + i) % 7).reduce((a, b) => a + b, 0);

describe("a module that wants a tensor in blocks", () => {
  it("gets them in order before nj_process, the last one shorter, beside the tensors that come whole", () => {
    const module = subject(250);
    for (let frame = 0; frame < 2; frame++) {
      expect(blocksOf(module, 250)).toEqual([
        [1, 0, 100, sum(0, 100)],
        [1, 100, 100, sum(100, 200)],
        [1, 200, 50, sum(200, 250)],
        [0, 0, 10, 10],
      ]);
    }
  });

  it("gets a tensor that is shorter than a block at once", () => {
    expect(blocksOf(subject(60), 60)).toEqual([
      [1, 0, 60, sum(0, 60)],
      [0, 0, 10, 10],
    ]);
  });

  it("needs room for a block only", () => {
    const [blocks, whole] = [subject(1 << 24), subject(1 << 24, 0)];
    expect(whole.guest.memoryBytes - blocks.guest.memoryBytes).toBeGreaterThanOrEqual((1 << 24) - 65_536);
  });

  it("fails the frame with its own words when it refuses a block", () => {
    expect(() => blocksOf(subject(500), 500)).toThrow("no more");
  });

  it("is refused when it cannot take blocks", () => {
    expect(() => subject(250, 100, false)).toThrow(
      "the module asked for large in blocks, but does not export nj_block",
    );
  });
});
