/** GStreamer, its elements, ours among them, and its type libraries. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { INSTALLATION } from "../../config/directories.ts";
import { type CheckGroup, type Finding, missing, ok, warning } from "./check.ts";
import { output } from "./program.ts";

const PLUGIN_DIRECTORY = join(INSTALLATION, "build", "firmware", "plugin");
export const GSTREAMER_ENV = {
  ...process.env,
  GST_PLUGIN_PATH: [PLUGIN_DIRECTORY, process.env.GST_PLUGIN_PATH].filter(Boolean).join(":"),
};

/** Without these nothing plays. */
const CORE: Readonly<Record<string, readonly string[]>> = {
  "libgstreamer1.0-0": ["queue", "tee", "valve", "capsfilter", "fakesink", "identity"],
  "gstreamer1.0-plugins-base": [
    "videoconvertscale",
    "videoscale",
    "videorate",
    "uridecodebin",
    "decodebin",
    "videotestsrc",
  ],
  "gstreamer1.0-plugins-good": ["rtspsrc", "rtph264depay", "qtdemux", "multifilesrc", "jpegenc", "jpegdec", "v4l2src"],
};

/** Any one of these decodes H.264. */
const H264_DECODERS = ["avdec_h264", "openh264dec", "vah264dec", "v4l2slh264dec", "nvh264dec"];
const H265_DECODERS = ["avdec_h265", "libde265dec", "vah265dec", "v4l2slh265dec", "nvh265dec"];

const OURS = ["njstreammux", "njinfer", "njanalytics", "njosd", "njstreamdemux", "njmsgconv", "njpayloadsink"];

/** `profile`: of the configuration; each needs elements of its own. */
export const gstreamer = (profile: string): CheckGroup => ({
  title: "GStreamer",
  run: async () => {
    const version = await output("gst-inspect-1.0", ["--version"]);
    if (!version.ok) return [missing("gst-inspect-1.0", version.why, "apt install gstreamer1.0-tools")];
    const core = Object.entries(CORE).map(([pack, elements]) => packageFinding(pack, forProfile(elements, profile)));
    return [
      versionFinding(version.stdout),
      ...(await Promise.all(core)),
      await decoderFinding("H.264 decoder", H264_DECODERS, true),
      await decoderFinding("H.265 decoder", H265_DECODERS, false),
      ...(profile === "cuda" ? [await nvcodecFinding()] : []),
      await pluginFinding(),
      await typelibFinding(),
    ];
  },
});

/** Came with GStreamer 1.22; JetPack 6 has 1.20. */
const ONLY_PORTABLE = ["videoconvertscale"];

const forProfile = (elements: readonly string[], profile: string): string[] =>
  elements.filter((element) => profile !== "deepstream" || !ONLY_PORTABLE.includes(element));

function versionFinding(text: string): Finding {
  const version = /GStreamer (\d+)\.(\d+)\.(\d+)/.exec(text);
  const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
  const found = version?.[0] ?? text;
  const enough = major > 1 || (major === 1 && minor >= 20);
  return enough
    ? ok("version", found)
    : missing("version", found, "1.20 or newer is needed: use Debian 12, Ubuntu 22.04 or newer");
}

async function packageFinding(pack: string, elements: readonly string[]): Promise<Finding> {
  const absent = await absentOf(elements);
  if (absent.length === 0) return ok(pack, elements.join(", "));
  return missing(pack, `no ${absent.join(", ")}`, `apt install ${pack}`);
}

/** Of nvcodec, which registers its elements only where it finds a driver and a GPU. */
const NVCODEC = ["cudaupload", "cudadownload", "nvh264dec"];

async function nvcodecFinding(): Promise<Finding> {
  const absent = await absentOf(NVCODEC);
  if (absent.length === 0) return ok("nvcodec", NVCODEC.join(", "));
  return missing(
    "nvcodec",
    `no ${absent.join(", ")}`,
    "apt install gstreamer1.0-plugins-bad, and an NVIDIA driver (nvidia-smi shows the GPU); then remove ~/.cache/gstreamer-1.0, which remembers that there was none",
  );
}

async function decoderFinding(name: string, decoders: readonly string[], needed: boolean): Promise<Finding> {
  const absent = await absentOf(decoders);
  const present = decoders.filter((decoder) => !absent.includes(decoder));
  if (present.length > 0) return ok(name, present.join(", "));
  return (needed ? missing : warning)(name, `none of ${decoders.join(", ")}`, "apt install gstreamer1.0-libav");
}

async function pluginFinding(): Promise<Finding> {
  const file = join(PLUGIN_DIRECTORY, "libgstnightjar.so");
  if (!existsSync(file)) return missing("Nightjar's plugin", `there is no ${file}`, "build it: make build");
  const absent = await absentOf(OURS);
  if (absent.length === 0) return ok("Nightjar's plugin", OURS.join(", "));
  const why = (await output("gst-inspect-1.0", [file], GSTREAMER_ENV)).why;
  return missing(
    "Nightjar's plugin",
    `no ${absent.join(", ")} ${why}`.trim(),
    `build it anew: make build; look at: gst-inspect-1.0 ${file}`,
  );
}

/** Without a version, gst-inspect asks for a plugin of its own version, which ours is not. */
const ANY_VERSION = "--atleast-version=0.0.0";

export async function absentOf(elements: readonly string[], env: NodeJS.ProcessEnv = GSTREAMER_ENV): Promise<string[]> {
  const look = (element: string) => output("gst-inspect-1.0", ["--exists", ANY_VERSION, element], env);
  const found = await Promise.all(elements.map(look));
  return elements.filter((_, i) => found[i]?.ok !== true);
}

/** In a process of its own: a type library that does not fit can take its process with it. */
async function typelibFinding(): Promise<Finding> {
  const script = `const gi = require("node-gtk"); const Gst = gi.require("Gst", "1.0"); gi.require("GLib", "2.0"); gi.require("GstVideo", "1.0"); Gst.init([]); console.log(Gst.versionString())`;
  const {
    ok: works,
    stdout,
    why,
  } = await output(process.execPath, ["-e", script], {
    ...GSTREAMER_ENV,
    NODE_PATH: join(INSTALLATION, "node_modules"),
  });
  if (works) return ok("node-gtk with type libraries", stdout.split("\n").at(-1) ?? "");
  const remedy =
    "apt install libgirepository-1.0-1 gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0, then npm rebuild node-gtk";
  return missing("node-gtk with type libraries", why, remedy);
}
