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
