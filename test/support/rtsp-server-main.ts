/**
 * An RTSP server (GStreamer's) as a process of its own, see rtsp-server.ts. Argument: RtspServerOptions as JSON.
 * Says `{port}` over IPC when it listens.
 */
import { createRequire } from "node:module";
import { MessageChannel } from "node:worker_threads";
import type { RtspServerOptions } from "./rtsp-server.ts";

// biome-ignore lint/suspicious/noExplicitAny: raw introspection
const gi = createRequire(import.meta.url)("node-gtk") as any;
const GLib = gi.require("GLib", "2.0");
const Gst = gi.require("Gst", "1.0");
const GstRtsp = gi.require("GstRtsp", "1.0");
const GstRtspServer = gi.require("GstRtspServer", "1.0");
Gst.init([]);

const options = JSON.parse(process.argv[2] ?? "{}") as RtspServerOptions;

const sources: Record<NonNullable<RtspServerOptions["codec"]>, string> = {
  h264: "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=-1",
  mjpeg: "jpegenc ! rtpjpegpay name=pay0 pt=26",
};

function launchText(): string {
  const { width = 160, height = 120, framerate = 20, codec = "h264" } = options;
  if (options.launch !== undefined) return `( ${options.launch} )`;
  return `( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=${width},height=${height},framerate=${framerate}/1 ! ${sources[codec]} )`;
}

function requireLogin(
  server: { setAuth(auth: unknown): void },
  factory: { setPermissions?: unknown },
  user: string,
  password: string,
): void {
  const auth = GstRtspServer.RTSPAuth.new();
  const token = GstRtspServer.RTSPToken.new();
  token.setString("media.factory.role", "user");
  auth.addBasic(GstRtspServer.RTSPAuth.makeBasic(user, password), token);
  server.setAuth(auth);
  // biome-ignore lint/suspicious/noExplicitAny: raw introspection
  (factory as any).addRoleFromStructure(
    Gst.Structure.fromString("user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true")[0],
  );
}

/** rtsps: everyone may look, encrypted. */
function encrypt(server: { setAuth(auth: unknown): void }, factory: unknown, certificate: string, key: string): void {
  const auth = GstRtspServer.RTSPAuth.new();
  auth.setTlsCertificate(gi.require("Gio", "2.0").TlsCertificate.newFromFiles(certificate, key));
  const token = GstRtspServer.RTSPToken.new();
  token.setString("media.factory.role", "anonymous");
  auth.setDefaultToken(token);
  server.setAuth(auth);
  // biome-ignore lint/suspicious/noExplicitAny: raw introspection
  (factory as any).addRoleFromStructure(
    Gst.Structure.fromString("anonymous, media.factory.access=(boolean)true, media.factory.construct=(boolean)true")[0],
  );
}

const server = GstRtspServer.RTSPServer.new();
server.setAddress("127.0.0.1");
server.setService(String(options.port ?? 0));
const factory = GstRtspServer.RTSPMediaFactory.new();
factory.setLaunch(launchText());
factory.setShared(false);
if (options.udpOnly === true) factory.setProtocols(GstRtsp.RTSPLowerTrans.UDP);
if (options.login !== undefined) requireLogin(server, factory, options.login.user, options.login.password);
if (options.tls !== undefined) encrypt(server, factory, options.tls.certificate, options.tls.key);
server.getMountPoints().addFactory(options.path ?? "/stream", factory);

const loop = GLib.MainLoop.new(null, false);
const { port1, port2 } = new MessageChannel();
port1.once("message", () => {
  if (server.attach(null) === 0) {
    console.error(`cannot listen on port ${options.port}`);
    process.exit(1);
  }
  process.send?.({ port: server.getBoundPort() });
  loop.run();
});
port2.postMessage(null);
// A handle that keeps Node's side of the loop alive, and the way out when the test is gone.
setInterval(() => {}, 1000);
process.on("disconnect", () => process.exit(0));
