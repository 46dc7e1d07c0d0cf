/** Turns what GStreamer says of a source into one sentence that a person can act on. */
import type { Loss } from "./assess.ts";
import type { Extent, Fault } from "./gst.ts";
import type { CameraSettings, Problem } from "./messages.ts";
import type { SourceKind, SourcePlan } from "./sources/plan.ts";

/** An encrypted address whose certificate is not trusted: rtspsrc says no more than that it could not connect. */
const encrypted =
  "no encrypted connection comes about; expected an RTSP server that answers, with a certificate that is trusted. " +
  "Check the address and the power of the camera; when its certificate is self-made, name it or its authority in source.tls.ca";

/** Where the frames come from, as the plan of the source has it. */
export type Place = Pick<SourcePlan, "address" | "remote">;

interface Finding {
  readonly kind: Problem["kind"];
  /** What is the matter, what was expected, and what to do, as the rest of a sentence. */
  readonly text: string;
}

const resource = {
  failed: 1,
  notFound: 3,
  busy: 4,
  openRead: 5,
  openReadWrite: 7,
  read: 9,
  write: 10,
  settings: 13,
  notAuthorized: 15,
} as const;
const stream = { failed: 1, typeNotFound: 4, wrongType: 5, codecNotFound: 6, decode: 7, demux: 9, format: 11 } as const;
const core = { pad: 5, negotiation: 7, missingPlugin: 12 } as const;

const longestDetail = 200;

/** The last line of the debug text is written for people, the lines before are source code locations. */
function detail(fault: Fault): string {
  const lines = fault.debug
    .split("\n")
    .slice(1)
    .map((line) => line.trim());
  const last = lines.filter((line) => line !== "").at(-1) ?? fault.text;
  const withoutCaps = last.replace(/ \((?:video|audio|image|application)\/.*$/, "");
  return withoutCaps.slice(0, longestDetail).replace(/[\s.]+$/, "");
}

const because = (fault: Fault): string => `GStreamer says: ${detail(fault)}`;

const missing: Readonly<Record<SourceKind, string>> = {
  rtsp: "the server has no such stream; expected video at this path. Check the path of the address",
  file: "there is no such file; expected a video file. Check the path and that the disk is mounted",
  v4l2: "there is no such device; expected a V4L2 camera. Check the cable and `ls -l /dev/v4l/by-id`",
  test: "the test source could not start",
  images:
    "there is no image with the first number; expected numbered JPEG or PNG files. Check path and start of the source",
};

const unreadable: Readonly<Record<SourceKind, string>> = {
  rtsp: "the server cannot be reached; expected an RTSP server that answers. Check the address, the power and the network of the camera",
  file: "the file cannot be read. Check its permissions and the disk",
  v4l2: 'the device cannot be opened; expected a V4L2 capture device that this user may use. Check the path and the group "video"',
  test: "the test source could not start",
  images: "an image cannot be read. Check its permissions and the disk",
};

const noCaptureDevice =
  "this is no camera; expected a V4L2 capture device such as /dev/video0. Look for it with `ls -l /dev/v4l/by-id`";

function ofResource(fault: Fault, kind: SourceKind, { address, remote }: Place): Finding {
  if (kind === "v4l2" && /isn't a device|not a device|inappropriate ioctl|not a capture/i.test(fault.debug))
    return { kind: "unsupported", text: noCaptureDevice };
  if (kind === "file" && remote && fault.code === resource.notFound)
    return { kind: "missing", text: "the server has nothing there; expected a video. Check the path of the address" };
  if (kind === "rtsp" && address.startsWith("rtsps:") && /failed to connect/i.test(fault.debug))
    return { kind: "unreachable", text: `${encrypted} (${because(fault)})` };
  if (/No such file or directory/.test(fault.debug)) return { kind: "missing", text: missing[kind] };
  switch (fault.code) {
    case resource.notFound:
      // rtspsrc and v4l2src use the code for other things too.
      if (kind === "rtsp" && !/404|not found/i.test(`${fault.text} ${fault.debug}`)) break;
      return { kind: "missing", text: missing[kind] };
    case resource.notAuthorized:
      return {
        kind: "unauthorized",
        text: "user name or password is refused; expected the account of the camera. Check username and password",
      };
    case resource.busy:
      return { kind: "unreachable", text: "the device is in use; expected to be its only user. End the other program" };
    case resource.settings:
      return {
        kind: "unsupported",
        text: `it refuses the wanted settings (${because(fault)}). Check size, framerate and format`,
      };
    default:
      break;
  }
  return { kind: "unreachable", text: `${unreadable[kind]} (${because(fault)})` };
}

function ofStream(fault: Fault, remote: boolean): Finding {
  switch (fault.code) {
    case stream.codecNotFound:
      return {
        kind: "unsupported",
        text: `there is no decoder for this video (${because(fault)}); expected H.264, H.265, MJPEG or another installed codec. Change the codec of the camera or install the plugin`,
      };
    case stream.typeNotFound:
    case stream.wrongType:
      return {
        kind: "unsupported",
        text: `this is not video (${because(fault)}); expected a video stream or file. Check the address`,
      };
    case stream.decode:
    case stream.demux:
      return {
        kind: "corrupt",
        text: `the video data is damaged (${because(fault)}); expected an intact stream. Check the file or the connection`,
      };
    default:
      if (remote)
        return {
          kind: "unreachable",
          text: `no video comes from this address (${because(fault)}); expected a stream. Check the address and the network`,
        };
      return {
        kind: "corrupt",
        text: `the video cannot be read to its end (${because(fault)}); expected an intact file. Check it with another player`,
      };
  }
}

function ofCore(fault: Fault): Finding {
  switch (fault.code) {
    case core.missingPlugin:
      return {
        kind: "unsupported",
        text: `nothing here makes video of it (${because(fault)}); expected video in an installed codec. Check the source, or install the plugin that is missing`,
      };
    case core.pad:
    case core.negotiation:
      return {
        kind: "unsupported",
        text: `there is no video in it that can be shown (${because(fault)}); expected a video stream. Check the source`,
      };
    default:
      return { kind: "internal", text: `it could not be started (${because(fault)})` };
  }
}

function find(fault: Fault, kind: SourceKind, place: Place): Finding {
  switch (fault.domain) {
    case "gst-resource-error-quark":
      return ofResource(fault, kind, place);
    case "gst-stream-error-quark":
      return ofStream(fault, place.remote);
    case "gst-core-error-quark":
      return ofCore(fault);
    default:
      return { kind: "internal", text: because(fault) };
  }
}

/** Damaged data that the decoder got over. */
export const isDamage = (fault: Fault): boolean => fault.domain === "gst-stream-error-quark";

const losses: Readonly<Record<Loss, Finding>> = {
  noPackets: {
    kind: "silent",
    text: "it answered, but sent no video within startTimeout; expected frames. Check that the camera streams, and the transport (UDP may be blocked)",
  },
  noFrames: {
    kind: "unsupported",
    text: "it sends data, but no frame could be decoded within startTimeout; expected a whole picture by then. Check the codec and the key frame interval of the camera",
  },
  packetsStopped: {
    kind: "silent",
    text: "no more data came for stallTimeout though the connection stands; expected frames. Check the camera and the network",
  },
  framesStopped: {
    kind: "silent",
    text: "data comes, but no frame was decoded for stallTimeout; expected decodable video. Check the encoder of the camera",
  },
  endOfStream: {
    kind: "silent",
    text: "the other side ended the stream; expected it to go on. Check the camera or server",
  },
};

const sentence = (camera: CameraSettings, address: string, text: string): string =>
  `camera "${camera.id}" (${address}): ${text}.`;

/** `secrets` never appear in the result, whatever GStreamer put into its text. */
export function problemOfFault(
  camera: CameraSettings,
  plan: Place,
  fault: Fault,
  secrets: readonly string[],
  at: number,
): Problem {
  const { kind, text } = find(fault, camera.source.kind, plan);
  return { kind, message: hide(sentence(camera, plan.address, text), secrets), at };
}

export function problemOfLoss(camera: CameraSettings, address: string, loss: Loss, at: number): Problem {
  const { kind, text } = losses[loss];
  return { kind, message: sentence(camera, address, text), at };
}

/** What may be missing at the end of a whole recording: lengths in a file are estimates. Share, and ns. */
const tolerated = { share: 0.05, ns: 1e9 };

/** A file that ends well before its own length; null for a whole one, and for one that does not know its length. */
export function problemOfShortFile(
  camera: CameraSettings,
  address: string,
  { duration, position }: Extent,
  at: number,
): Problem | null {
  if (camera.source.kind !== "file" || duration === null || position === null) return null;
  if (duration - position <= Math.max(tolerated.ns, duration * tolerated.share)) return null;
  const seconds = (ns: number): string => `${(ns / 1e9).toFixed(1)} s`;
  const text = `the file ends after ${seconds(position)} of ${seconds(duration)}; expected a whole recording. It was cut off, or is still being written: copy it again`;
  return { kind: "corrupt", message: sentence(camera, address, text), at };
}

export function problemOfSettings(camera: CameraSettings, reason: string, at: number): Problem {
  return { kind: "unsupported", message: `camera "${camera.id}": ${reason}. Correct its settings.`, at };
}

export function hide(text: string, secrets: readonly string[]): string {
  const bare = text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s"@]*@/gi, "$1");
  return secrets.filter((secret) => secret !== "").reduce((shown, secret) => shown.replaceAll(secret, "***"), bare);
}

/** Whether another try may help although nobody changes the camera's settings. */
export function isWorthRetrying(problem: Problem, remote: boolean): boolean {
  return remote || !(problem.kind === "unsupported" || problem.kind === "corrupt");
}
