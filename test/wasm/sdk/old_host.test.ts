import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import "../../../services/postprocess/v8_limits.ts";
import { DataType, FRAME, Kind, OBJECT_BYTES } from "../../../firmware/link/protocol.ts";
import { writeInitBlock, writeParameters } from "../../../services/postprocess/guest_blocks.ts";
import { GuestMemory } from "../../../services/postprocess/guest_memory.ts";
import { FRAME_BLOCK, FRAME_BLOCK_BYTES, INIT, TENSOR_INFO } from "../../../services/postprocess/module_abi.ts";
import { headWith } from "../modules/yolo_heads.ts";

type Call = (...numbers: number[]) => number;

// A host of ABI 1.0 knows no blocks: it copies every tensor whole and never calls nj_block.
it("a module that asks for blocks works in a host that has none", () => {
  const file = readFileSync(new URL("../../../build/modules/yolo.wasm", import.meta.url));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(file), { nightjar: { log() {} } });
  const exports = instance.exports as unknown as Record<string, Call> & { memory: WebAssembly.Memory };
  const memory = new GuestMemory(exports.memory, exports["nj_alloc"]!);
  const call = (name: string, argument: number) => {
    expect(exports[name]!(argument)).toBe(0);
    memory.refresh();
  };

  const head = headWith(20, 5, 80, 8400, 3);
  const bytes = head.values.byteLength;
  const tensor = { name: "o", dataType: DataType.Float32, dims: [84, 8400], bytes, scale: 1, zeroPoint: 0 };
  const limits = { kind: Kind.Detect, maxObjects: 300, maxEvents: 0, auxBytes: 0 };
  const data = memory.alloc(bytes);
  const parameters = memory.alloc(65_536);
  const frame = memory.alloc(FRAME_BLOCK_BYTES);
  const table = memory.alloc(4);
  const objects = memory.alloc(300 * OBJECT_BYTES);
  const init = writeInitBlock(
    memory,
    { ...limits, tensors: [tensor], labels: [], networkWidth: 640, networkHeight: 640 },
    1n,
  );
  memory.setWord(init + INIT.abi, 1 << 16);
  call("nj_init", init);
  expect(memory.view.getUint32(memory.view.getUint32(init + INIT.tensors, true) + TENSOR_INFO.blockBytes, true)).toBe(
    0,
  );

  call("nj_configure", writeParameters(memory, parameters, {}));
  memory.setWord(table, data);
  memory.setWord(frame + FRAME_BLOCK.tensors, table);
  memory.setWord(frame + FRAME_BLOCK.objectsOut, objects);
  memory.bytes.set(new Uint8Array(head.values.buffer), data);
  call("nj_process", frame);
  expect(memory.view.getUint32(frame + FRAME.objectsOut, true)).toBe(20);
});
