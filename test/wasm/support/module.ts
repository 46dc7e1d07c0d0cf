// A module in this thread, with a slot of its own: tensors or objects in, objects and events out.

import { readFileSync } from "node:fs";
import "../../../services/postprocess/v8_limits.ts";
import { computeLayout, writeHeader } from "../../../firmware/link/layout.ts";
import { DataType, type Kind } from "../../../firmware/link/protocol.ts";
import { LinkMemory } from "../../../firmware/link/slots.ts";
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

export interface TestModuleOptions {
  /** detect: shapes of the model's outputs, without the batch. */
  outputs?: readonly (readonly number[])[];
  labels?: readonly string[];
  maxObjects?: number;
  maxEvents?: number;
  firstObjectId?: bigint;
  parameters?: Parameters;
}

const compiled = new Map<string, WebAssembly.Module>();

export class TestModule {
  readonly guest: Guest;
  readonly log: string[] = [];
  readonly #memory: LinkMemory;

  constructor(name: string, kind: Kind, options: TestModuleOptions = {}) {
    const { outputs = [], labels = [], maxObjects = 300, maxEvents = 64 } = options;
    const tensors = outputs.map((dims, i) => ({
      name: `output${i}`,
      dataType: DataType.Float32,
      dims,
      isInput: false,
    }));
    const layout = computeLayout({ kind, batch: 1, slots: 1, maxObjects, maxEvents, auxBytes: 0, tensors });
    const buffer = new ArrayBuffer(layout.totalBytes);
    writeHeader(buffer, layout);
    this.#memory = new LinkMemory(buffer);
    const setup: GuestSetup = {
      kind,
      maxObjects,
      maxEvents,
      auxBytes: 0,
      labels,
      networkWidth: 640,
      networkHeight: 640,
      tensors: tensors.map((tensor, i) => ({
        ...tensor,
        bytes: layout.tensors[i]!.frameBytes,
        scale: 1,
        zeroPoint: 0,
      })),
    };
    this.guest = new Guest(load(name), setup, options.firstObjectId ?? 1n, (_level, text) => this.log.push(text));
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

  /** What the worker does with a frame: copy in, run, copy out. */
  process(): void {
    this.guest.process(this.#memory.slots[0]!, 0);
  }
}

function load(name: string): WebAssembly.Module {
  const known = compiled.get(name);
  if (known) return known;
  const module = new WebAssembly.Module(readFileSync(new URL(`../../../build/modules/${name}.wasm`, import.meta.url)));
  compiled.set(name, module);
  return module;
}
