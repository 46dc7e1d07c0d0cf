// The native half of the link, typed. Built by scripts/build-addon; an installed appliance says where it lies with
// NIGHTJAR_LINK_ADDON.
//
// All calls block and are meant for workers, except createLink, sendWithFd and peerCredentials, which are short. Every
// thread maps the link for itself: a mapping is a plain ArrayBuffer (onnxruntime-node refuses shared ones), and must
// not be posted to another thread.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { bellOffset } from "./layout.ts";
import { WAIT_MS } from "./protocol.ts";
import type { LinkMemory } from "./slots.ts";

export interface PeerCredentials {
  pid: number;
  uid: number;
  gid: number;
}

interface Native {
  createLink(bytes: number): number;
  map(fd: number, bytes: number): ArrayBuffer;
  unmap(buffer: ArrayBuffer): void;
  wait(buffer: ArrayBuffer, offset: number, seen: number, timeoutMs: number): boolean;
  ring(buffer: ArrayBuffer, offset: number): void;
  stamp(buffer: ArrayBuffer, offset: number): void;
  sendWithFd(socketFd: number, bytes: Uint8Array, fd: number): void;
  peerCredentials(socketFd: number): PeerCredentials;
  threadTime(thread: number): number | undefined;
  trim(): void;
}

const native = load();

/**
 * Makes the memory of a link: a memfd of zeros, sealed so that its size can never change, closed on exec. The caller
 * closes the descriptor (fs.closeSync) when every thread has mapped it and the element has it.
 */
export const createLink: (bytes: number) => number = native.createLink;

/** Maps a link's memory. Throws when it is smaller than `bytes` or not sealed. */
export const map: (fd: number, bytes: number) => ArrayBuffer = native.map;

/** Gives a mapping back at once instead of at garbage collection. Views on it are empty afterwards. */
export const unmap: (buffer: ArrayBuffer) => void = native.unmap;

/**
 * Sleeps while the u32 at `offset` is `seen`, at most `timeoutMs` and never above 100 ms. False when the time passed.
 * True says "look again", not "it changed". Prefer waitBell.
 */
export const wait: (buffer: ArrayBuffer, offset: number, seen: number, timeoutMs: number) => boolean = native.wait;

/** Adds 1 to the u32 at `offset` and wakes its waiters, in whatever process they are. */
export const ring: (buffer: ArrayBuffer, offset: number) => void = native.ring;

/** Writes the time (u64, ns of CLOCK_MONOTONIC) at `offset`, a multiple of 8. */
export const stamp: (buffer: ArrayBuffer, offset: number) => void = native.stamp;

/**
 * Sends a whole message over a Unix socket with a descriptor attached to its first byte, or throws. Nothing may be
 * waiting in the socket's own queue (`socket.writableLength === 0`), for it would come later. A peer that does not
 * read is given up after 1 s.
 */
export const sendWithFd: (socketFd: number, bytes: Uint8Array, fd: number) => void = native.sendWithFd;

/** Who is at the other end of a Unix socket. */
export const peerCredentials: (socketFd: number) => PeerCredentials = native.peerCredentials;

/**
 * Milliseconds that a thread of this process, as the kernel numbers it, has run, up to this moment; undefined when it is
 * gone.
 */
export const threadTime: (thread: number) => number | undefined = native.threadTime;

/** Has the heaps of malloc, of all threads, give back what nobody uses. Takes some milliseconds. */
export const trim: () => void = native.trim;

/**
 * Sleeps until the bell is no longer `seen`, the host stops, or `timeoutMs` have passed; false in the last case.
 * Sleeps in slices, so that worker.terminate() is obeyed within 100 ms. Call it from a function, not straight from an
 * endless loop at the top of a module: V8 would not look for the termination there.
 */
export function waitBell(link: LinkMemory, bell: number, seen: number, timeoutMs = Number.POSITIVE_INFINITY): boolean {
  const end = performance.now() + timeoutMs;
  const offset = bellOffset(bell);
  while (!link.stopped && link.bell(bell) === seen) {
    const left = end - performance.now();
    if (left <= 0) return false;
    waitSlice(link.buffer, offset, seen, left);
  }
  return true;
}

/** Rings one of the bells of a link. */
export function ringBell(link: LinkMemory, bell: number): void {
  native.ring(link.buffer, bellOffset(bell));
}

function waitSlice(buffer: ArrayBuffer, offset: number, seen: number, leftMs: number): void {
  native.wait(buffer, offset, seen, Math.min(WAIT_MS, Math.ceil(leftMs)));
}

function load(): Native {
  const file =
    process.env.NIGHTJAR_LINK_ADDON || fileURLToPath(new URL("../../build/addon/link.node", import.meta.url));
  if (!existsSync(file)) {
    throw new Error(
      `the link addon ${file} is missing: run scripts/build-addon, or set NIGHTJAR_LINK_ADDON to an installed link.node`,
    );
  }
  return createRequire(import.meta.url)(file) as Native;
}
