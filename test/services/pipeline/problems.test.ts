import { describe, expect, it } from "vitest";
import type { Fault } from "../../../services/pipeline/gst.ts";
import { hide, isWorthRetrying, problemOfFault, problemOfLoss } from "../../../services/pipeline/problems.ts";
import { camera } from "../../support/pipeline-process.ts";

const gate = camera("gate", 0, {
  kind: "rtsp",
  uri: "rtsp://cam/stream",
  transport: "tcp",
  latencyMs: 100,
  dropOnLatency: true,
  timeoutMs: 1000,
});
const place = { address: "rtsp://cam/stream", remote: true };

const fault = (domain: string, code: number, debug: string): Fault => ({
  type: "error",
  origin: { element: "source", branch: "source-0-1" },
  domain: `gst-${domain}-error-quark`,
  code,
  text: "Generic text.",
  debug: `../gst/rtsp.c(100): f (): /GstPipeline:nightjar:\n${debug}`,
});

describe("an error of GStreamer becomes a sentence", () => {
  it("that names the camera, its address, what was expected and what to do", () => {
    const { message, kind } = problemOfFault(
      gate,
      place,
      fault("resource", 7, "Failed to connect. (Generic error)"),
      [],
      5,
    );
    expect(kind).toBe("unreachable");
    expect(message).toBe(
      'camera "gate" (rtsp://cam/stream): the server cannot be reached; expected an RTSP server that answers. ' +
        "Check the address, the power and the network of the camera (GStreamer says: Failed to connect. (Generic error)).",
    );
  });

  it("that never holds a password", () => {
    const leaky = fault("resource", 7, "cannot open rtsp://admin:hunter2@cam/stream with hunter2");
    expect(problemOfFault(gate, place, leaky, ["hunter2"], 5).message).not.toContain("hunter2");
  });

  it("that is short, without the caps of GStreamer", () => {
    const verbose = fault("stream", 6, "Missing decoder: H.266 (video/x-h266, codec_data=(buffer)0142c015)");
    expect(problemOfFault(gate, place, verbose, [], 5).message).toContain("Missing decoder: H.266)");
  });

  it("that names the certificate when an encrypted connection does not come about", () => {
    const secure = { address: "rtsps://cam/stream", remote: true };
    const { message } = problemOfFault(gate, secure, fault("resource", 7, "Failed to connect. (Generic error)"), [], 5);
    expect(message).toContain("when its certificate is self-made, name it or its authority in source.tls.ca");
  });

  it.each([
    ["a plain file", 3, "This isn't a device '/etc/passwd'."],
    ["another device", 13, "system error: Inappropriate ioctl for device"],
  ])("that tells a camera from %s", (_title, code, debug) => {
    const usb = camera("usb", 0, { kind: "v4l2", device: "/x", width: 0, height: 0, framerate: 0, format: "auto" });
    const { kind, message } = problemOfFault(
      usb,
      { address: "/x", remote: true },
      fault("resource", code, debug),
      [],
      5,
    );
    expect(kind).toBe("unsupported");
    expect(message).toContain("this is no camera; expected a V4L2 capture device");
  });

  it("that speaks of the server when a file of a server is missing", () => {
    const clip = camera("clip", 0, { kind: "file", uri: "http://h/clip.mp4", loop: false, realtime: true });
    const { message } = problemOfFault(
      clip,
      { address: "http://h/clip.mp4", remote: true },
      fault("resource", 3, "Not Found"),
      [],
      5,
    );
    expect(message).toContain("the server has nothing there");
    expect(message).not.toContain("disk");
  });

  it.each<[string, string, number, string, string]>([
    ["wrong password", "resource", 15, "Unauthorized", "unauthorized"],
    ["unknown stream", "resource", 3, "Not Found (404)", "missing"],
    ["no decoder", "stream", 6, "x", "unsupported"],
    ["not video", "stream", 4, "x", "unsupported"],
    ["damaged data", "stream", 7, "x", "corrupt"],
    ["no video pad", "core", 5, "x", "unsupported"],
    ["something else", "library", 1, "x", "internal"],
  ])("of the right kind: %s", (_title, domain, code, debug, kind) => {
    expect(problemOfFault(gate, place, fault(domain, code, debug), [], 5).kind).toBe(kind);
  });
});

it("says what silence means", () => {
  expect(problemOfLoss(gate, place.address, "packetsStopped", 7)).toMatchObject({ kind: "silent", at: 7 });
});

it("does not try a file again that no program can play", () => {
  const corrupt = problemOfFault(gate, place, fault("stream", 7, "x"), [], 5);
  expect(isWorthRetrying(corrupt, false)).toBe(false);
  expect(isWorthRetrying(corrupt, true)).toBe(true);
});

it("hides credentials in any address", () => {
  expect(hide('could not open "rtsp://a:b@cam/x"', [])).toBe('could not open "rtsp://cam/x"');
});
