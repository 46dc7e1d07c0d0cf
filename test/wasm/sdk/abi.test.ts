import { describe, expect, it } from "vitest";
import * as link from "../../../firmware/link/protocol.ts";
import * as host from "../../../services/postprocess/module_abi.ts";
import { compileModule } from "../../services/postprocess/support/compile.ts";

// What the AssemblyScript compiler says about wasm/sdk/abi.ts, against the host's mirrors.

const RECORDS: Record<string, { bytes: number; fields: Record<string, number> }> = {
  InitBlock: { bytes: host.INIT_BYTES, fields: host.INIT },
  TensorInfo: { bytes: host.TENSOR_INFO_BYTES, fields: without(host.TENSOR_INFO, "dims") },
  ParamEntry: { bytes: host.PARAM_ENTRY_BYTES, fields: host.PARAM },
  FrameBlock: {
    bytes: host.FRAME_BLOCK_BYTES,
    fields: {
      tensors: host.FRAME_BLOCK.tensors,
      objectsInAt: host.FRAME_BLOCK.objectsIn,
      objectsOutAt: host.FRAME_BLOCK.objectsOut,
      eventsOutAt: host.FRAME_BLOCK.eventsOut,
      auxInAt: host.FRAME_BLOCK.auxIn,
      auxOutAt: host.FRAME_BLOCK.auxOut,
    },
  },
  FrameRecord: { bytes: link.FRAME_BYTES, fields: without(link.FRAME, "reserved") },
  ObjectRecord: { bytes: link.OBJECT_BYTES, fields: without(link.OBJECT, "reserved") },
  EventRecord: { bytes: link.EVENT_BYTES, fields: without(link.EVENT, "type", "rule", "label", "reserved") },
};

const CONSTANTS: [string, number][] = [
  ["ABI_MAJOR", host.ABI_MAJOR],
  ["ABI_MINOR", host.ABI_MINOR],
  ["TENSOR_DIMS_AT", host.TENSOR_INFO.dims],
  ["EVENT_TYPE_AT", link.EVENT.type],
  ["EVENT_TYPE_BYTES", link.EVENT_TYPE_BYTES],
  ["EVENT_RULE_AT", link.EVENT.rule],
  ["EVENT_RULE_BYTES", link.EVENT_RULE_BYTES],
  ["EVENT_LABEL_AT", link.EVENT.label],
  ["EVENT_LABEL_BYTES", link.EVENT_LABEL_BYTES],
  ["Kind.Detect", link.Kind.Detect],
  ["Kind.Analyze", link.Kind.Analyze],
  ["DataType.Float16", link.DataType.Float16],
  ["DataType.Uint8", link.DataType.Uint8],
  ["FrameFlags.Inferred", link.FrameFlags.Inferred],
  ["FrameFlags.Discontinuity", link.FrameFlags.Discontinuity],
  ["ObjectFlags.Tracked", link.ObjectFlags.Tracked],
  ["ObjectFlags.Predicted", link.ObjectFlags.Predicted],
  ["ObjectFlags.New", link.ObjectFlags.New],
  ["ParamType.Number", host.PARAM_TYPE.number],
  ["ParamType.Text", host.PARAM_TYPE.text],
  ["ParamType.Numbers", host.PARAM_TYPE.numbers],
];

describe("the ABI of the SDK", () => {
  it("has every record, field and constant where the host and the link have them", async () => {
    const questions = [
      ...Object.entries(RECORDS).flatMap(([record, { bytes, fields }]): [string, number][] => [
        [`offsetof<abi.${record}>()`, bytes],
        ...Object.entries(fields).map(([field, at]): [string, number] => [`offsetof<abi.${record}>("${field}")`, at]),
      ]),
      ...CONSTANTS.map(([name, value]): [string, number] => [`abi.${name}`, value]),
    ];
    const answers = await ask(questions.map(([question]) => question));
    expect(Object.fromEntries(questions.map(([question], i) => [question, answers[i]]))).toEqual(
      Object.fromEntries(questions),
    );
  });
});

/** The values of AssemblyScript expressions. */
async function ask(expressions: readonly string[]): Promise<number[]> {
  const cases = expressions.map((expression, i) => `case ${i}: return <i32>(${expression});`);
  const top = `import * as abi from "../../wasm/sdk/abi";
    export function answer(question: i32): i32 { switch (question) { ${cases.join(" ")} } return -1; }`;
  const module = new WebAssembly.Module(new Uint8Array(await compileModule({ top })));
  const { exports } = new WebAssembly.Instance(module, { nightjar: { log: () => {} } });
  return expressions.map((_, i) => (exports.answer as (question: number) => number)(i));
}

function without(fields: Record<string, number>, ...names: string[]): Record<string, number> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}
