// A module in this thread, with a slot of its own: tensors or objects in, objects and events out.

import { readFileSync } from "node:fs";
import "../../../services/postprocess/v8_limits.ts";
import { computeLayout, writeHeader } from "../../../firmware/link/layout.ts";
import { DataType, EVENT_BYTES, FRAME, type Kind, OBJECT_BYTES } from "../../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../../firmware/link/slots.ts";
import type { Parameters } from "../../../services/postprocess/bundle_schema.ts";
import { Guest } from "../../../services/postprocess/guest.ts";
import type { GuestSetup } from "../../../services/postprocess/guest_memory.ts";
import {
  type EventOut,
  eventsOf,
  type FrameIn,
  fillFrame,
  type ObjectOut,
  objectsOf,
} from "../../services/postprocess/support/records.ts";
import { type Extras, extrasOf } from "./extras.ts";

export interface TestModuleOptions {
  /** detect: the model's outputs; a bare shape is one of float32. */
  outputs?: readonly (readonly number[] | OutputOption)[];
  /** Of a frame's arena, in and out. */
  auxBytes?: number;
  labels?: readonly string[];
  maxObjects?: number;
  maxEvents?: number;
  /** Width and height of the network's picture in pixels; 640 x 640. */
  network?: readonly [number, number];
  firstObjectId?: bigint;
  parameters?: Parameters;
}

/** One output of the model. */
export interface OutputOption {
  /** Without the batch. */
  dims: readonly number[];
  /** Default: float32. */
  dataType?: DataType;
  /** int8 and uint8: real = scale × (q - zeroPoint). */
  scale?: number;
  zeroPoint?: number;
  name?: string;
}

const compiled = new Map<string, WebAssembly.Module>();

export class TestModule {
  readonly guest: Guest;
  readonly log: string[] = [];
  readonly #memory: LinkMemory;

  /** `module`: the name of one of wasm/modules, or a binary. */
  constructor(module: string | Uint8Array, kind: Kind, options: TestModuleOptions = {}) {
    const { outputs = [], labels = [], maxObjects = 300, maxEvents = 64, auxBytes = 0 } = options;
    const given = outputs.map((output): OutputOption => ("dims" in output ? output : { dims: output }));
    const tensors = given.map(({ dims, dataType = DataType.Float32, name }, i) => ({
      name: name ?? `output${i}`,
      dataType,
      dims,
      isInput: false,
    }));
    const layout = computeLayout({ kind, batch: 1, slots: 1, maxObjects, maxEvents, auxBytes, tensors });
    const buffer = new ArrayBuffer(layout.totalBytes);
    writeHeader(buffer, layout);
    this.#memory = new LinkMemory(buffer);
    const setup: GuestSetup = {
      kind,
      maxObjects,
      maxEvents,
      auxBytes,
      labels,
      networkWidth: options.network?.[0] ?? 640,
      networkHeight: options.network?.[1] ?? 640,
      tensors: tensors.map((tensor, i) => ({
        ...tensor,
        bytes: layout.tensors[i]!.frameBytes,
        scale: given[i]!.scale ?? 1,
        zeroPoint: given[i]!.zeroPoint ?? 0,
      })),
    };
    this.guest = new Guest(load(module), setup, options.firstObjectId ?? 1n, (_level, text) => this.log.push(text));
    this.guest.configure(options.parameters ?? {});
  }

  /** One frame through the module, as it lies in a slot. */
  run(frame: FrameIn): { objects: ObjectOut[]; events: EventOut[] } {
    this.fill(frame);
    this.process();
    const slot = this.#memory.slots[0]!;
    return { objects: objectsOf(slot), events: eventsOf(slot) };
  }

  fill(frame: FrameIn): void {
    fillFrame(this.#memory, this.#memory.slots[0]!, 0, frame);
  }

  /** The slot of the last frame. */
  get slot(): Slot {
    return this.#memory.slots[0]!;
  }

  /** Bytes of the objects and of the arena of the last frame: for comparing results to the bit. */
  get resultBytes(): Uint8Array {
    const slot = this.#memory.slots[0]!;
    const objects = slot.objectsOut[0]!.subarray(0, slot.frameWord(0, FRAME.objectsOut) * OBJECT_BYTES);
    const events = slot.eventsOut[0]!.subarray(0, slot.frameWord(0, FRAME.eventsOut) * EVENT_BYTES);
    return Buffer.concat([objects, events, slot.auxOut[0]!.subarray(0, slot.frameWord(0, FRAME.auxOut))]);
  }

  /** Mask, keypoints and attributes of object `index` of the last frame. */
  extras(index: number): Extras {
    const slot = this.#memory.slots[0]!;
    return extrasOf(slot.objectsOut[0]!.subarray(index * OBJECT_BYTES, (index + 1) * OBJECT_BYTES), slot.auxOut[0]!);
  }

  /** What the worker does with a frame: copy in, run, copy out. */
  process(): void {
    this.guest.run(this.#memory.slots[0]!, 1);
  }
}

function load(name: string | Uint8Array): WebAssembly.Module {
  if (typeof name !== "string") return new WebAssembly.Module(new Uint8Array(name));
  const known = compiled.get(name);
  if (known) return known;
  const module = new WebAssembly.Module(readFileSync(new URL(`../../../build/modules/${name}.wasm`, import.meta.url)));
  compiled.set(name, module);
  return module;
}
