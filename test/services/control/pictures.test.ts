import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Pictures } from "../../../services/control/pictures.ts";

/** The edge: what a viewer's connection looks like to us, with a buffer that the test empties. */
class Viewer extends EventEmitter {
  readonly written: string[] = [];
  writableLength = 0;
  destroyed = false;
  cork() {}
  uncork() {}
  writeHead() {}
  end() {
    this.emit("close");
  }
  write(part: Buffer | string) {
    this.written.push(part.toString());
    this.writableLength += part.length;
  }
  get pictures() {
    return this.written.filter((part) => part.startsWith("picture"));
  }
  asResponse() {
    return this as unknown as ServerResponse;
  }
}

const watches: string[] = [];
let pictures: Pictures;
beforeEach(() => {
  vi.useFakeTimers();
  watches.length = 0;
  pictures = new Pictures((camera, on) => watches.push(`${camera} ${on ? "on" : "off"}`));
});
afterEach(() => {
  pictures.close();
  vi.useRealTimers();
});

const push = (n: number) => pictures.push("gate", Buffer.from(`picture ${n}`), Date.now());

it("a slow viewer gets fewer pictures, and never an old one", () => {
  const viewer = new Viewer();
  pictures.view("gate", viewer.asResponse());
  push(1);
  push(2);
  push(3);
  viewer.writableLength = 0;
  push(4);
  expect(viewer.pictures).toEqual(["picture 1", "picture 4"]);
});

it("one slow viewer does not slow another", () => {
  const [slow, fast] = [new Viewer(), new Viewer()];
  pictures.view("gate", slow.asResponse());
  pictures.view("gate", fast.asResponse());
  push(1);
  fast.writableLength = 0;
  push(2);
  expect(fast.pictures).toEqual(["picture 1", "picture 2"]);
  expect(slow.pictures).toEqual(["picture 1"]);
});

it("the camera is watched from the first viewer to a while after the last", () => {
  const [one, two] = [new Viewer(), new Viewer()];
  pictures.view("gate", one.asResponse());
  pictures.view("gate", two.asResponse());
  one.emit("close");
  vi.advanceTimersByTime(10_000);
  expect(watches).toEqual(["gate on"]);
  two.emit("close");
  vi.advanceTimersByTime(1999);
  expect(watches).toEqual(["gate on"]);
  vi.advanceTimersByTime(1);
  expect(watches).toEqual(["gate on", "gate off"]);
});

it("a page that is loaded anew does not stop and start the camera", () => {
  const first = new Viewer();
  pictures.view("gate", first.asResponse());
  first.emit("close");
  vi.advanceTimersByTime(500);
  pictures.view("gate", new Viewer().asResponse());
  vi.advanceTimersByTime(10_000);
  expect(watches).toEqual(["gate on"]);
});

it("a snapshot is the next picture, and the last one when that is fresh", async () => {
  const first = pictures.snapshot("gate", 5000);
  push(1);
  expect((await first)?.toString()).toBe("picture 1");
  expect((await pictures.snapshot("gate", 5000))?.toString()).toBe("picture 1");
});

it("a snapshot of a camera that gives none ends empty", async () => {
  vi.useRealTimers();
  expect(await pictures.snapshot("gate", 20)).toBeUndefined();
});

it("the viewers of a camera that is removed are let go", () => {
  const viewer = new Viewer();
  const closed = vi.fn();
  viewer.on("close", closed);
  pictures.view("gate", viewer.asResponse());
  pictures.remove("gate");
  expect(closed).toHaveBeenCalledOnce();
});
