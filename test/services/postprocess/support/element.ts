// What an element does, in TypeScript: opens a link, fills slots, waits for results. Node cannot receive a descriptor over
// a socket, so it opens the link's memory through /proc of the host.

import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { map, ringBell, unmap, waitBell } from "../../../../firmware/link/addon.ts";
import { Bell, HEADER, Kind, SLOT, SlotState } from "../../../../firmware/link/protocol.ts";
import { LinkMemory, type Slot } from "../../../../firmware/link/slots.ts";
import { type FrameIn, fillFrame } from "./records.ts";

export interface HostMessage {
  type: string;
  [member: string]: unknown;
}

export class Element {
  readonly #socket: Socket;
  readonly #messages: HostMessage[] = [];
  readonly #pid: number;
  #waiting: (() => void) | undefined;
  #gone = false;
  readonly #old: LinkMemory[] = [];
  memory: LinkMemory | undefined;

  constructor(path: string, hostPid: number) {
    this.#pid = hostPid;
    this.#socket = createConnection(path);
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#gone = true;
      this.#waiting?.();
    });
    createInterface(this.#socket)
      .on("error", () => {})
      .on("line", (line) => {
        this.#messages.push(JSON.parse(line) as HostMessage);
        this.#waiting?.();
      });
  }

  send(message: object): void {
    this.sendLine(JSON.stringify(message));
  }

  sendLine(line: string): void {
    this.#socket.write(line + "\n");
  }

  /** The next message; a rejection when the host hangs up instead. */
  async next(): Promise<HostMessage> {
    while (this.#messages.length === 0) {
      if (this.#gone) throw new Error("the host hung up");
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    return this.#messages.shift()!;
  }

  /** Opens a link and maps its memory; the refusal when there is one. */
  async open(request: object): Promise<HostMessage> {
    this.send({ type: "open", version: 1, kind: "detect", instance: "test", batch: 1, slots: 2, ...request });
    const answer = await this.next();
    if (answer.type === "layout") this.#map(answer);
    return answer;
  }

  /**
   * Takes the next layout that the host offers. The old memory stays mapped: what is under way comes back there. Other
   * messages that come meanwhile are dropped.
   */
  async takeOffer(): Promise<{ offer: HostMessage; previous: LinkMemory }> {
    const previous = this.memory!;
    let offer = await this.next();
    while (offer.type !== "reconfigure") offer = await this.next();
    this.#map(offer);
    this.#old.push(previous);
    this.send({ type: "switched", generation: offer.generation });
    return { offer, previous };
  }

  /** Sends frames through slot `index` and waits for the answer. */
  async run(frames: readonly FrameIn[], index = 0, sequence = 1): Promise<Slot> {
    this.submit(frames, index, sequence);
    return this.result(index);
  }

  submit(frames: readonly FrameIn[], index = 0, sequence = 1): void {
    const memory = this.memory!;
    const slot = memory.slots[index]!;
    if (slot.state !== SlotState.Free) throw new Error(`slot ${index} is in state ${slot.state}`);
    const words = new Uint32Array(memory.buffer, slot.offset, 4);
    words[SLOT.batch / 4] = frames.length;
    words[SLOT.sequence / 4] = sequence;
    frames.forEach((frame, i) => {
      fillFrame(memory, slot, i, frame);
    });
    const detect = memory.layout.kind === Kind.Detect;
    slot.state = detect ? SlotState.InputReady : SlotState.OutputReady;
    ringBell(memory, detect ? Bell.Engine : Bell.Module);
  }

  /** Waits until the slot is the element's again. */
  async result(index = 0, timeoutMs = 10_000, memory = this.memory!): Promise<Slot> {
    const slot = memory.slots[index]!;
    const end = performance.now() + timeoutMs;
    while (slot.state !== SlotState.ResultReady && slot.state !== SlotState.Failed) {
      if (performance.now() > end) throw new Error(`slot ${index} is still in state ${slot.state}`);
      // In short slices: the host may live in this very process.
      waitBell(memory, Bell.Element, memory.bell(Bell.Element), 2);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return slot;
  }

  release(slot: Slot): void {
    slot.state = SlotState.Free;
  }

  close(): void {
    this.#socket.destroy();
    if (this.memory) unmap(this.memory.buffer);
    for (const { buffer } of this.#old.splice(0)) unmap(buffer);
    this.memory = undefined;
  }

  #map({ bytes, generation }: HostMessage): void {
    const fd = openSync(linkOf(this.#pid, bytes as number, generation as number), "r+");
    this.memory = new LinkMemory(map(fd, bytes as number));
    closeSync(fd);
  }
}

/** The link of that size and generation that the host has and has not stopped; the one with the highest descriptor. */
function linkOf(pid: number, bytes: number, generation: number): string {
  const found = readdirSync(`/proc/${pid}/fd`)
    .map((name) => `/proc/${pid}/fd/${name}`)
    .filter((path) => isLink(path) && statSync(path).size === bytes && isOpen(path, generation));
  const newest = found.at(-1);
  if (!newest) throw new Error(`process ${pid} has no link of ${bytes} bytes and generation ${generation}`);
  return newest;
}

function isOpen(path: string, generation: number): boolean {
  const header = Buffer.alloc(HEADER.tensors);
  const fd = openSync(path, "r");
  readSync(fd, header, 0, header.length, 0);
  closeSync(fd);
  return header.readUInt32LE(HEADER.generation) === generation && header.readUInt32LE(HEADER.stop) === 0;
}

function isLink(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("/memfd:");
  } catch {
    return false;
  }
}
