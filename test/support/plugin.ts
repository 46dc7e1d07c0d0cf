/** Import this before services/pipeline/gst.ts in tests that run GStreamer in their own process. */
import { fileURLToPath } from "node:url";

process.env["GST_PLUGIN_PATH"] ??= fileURLToPath(new URL("../../build/firmware/plugin", import.meta.url));
