/**
 * The profile `cuda`: an NVIDIA GPU without DeepStream. Frames stay in GPU memory from the decoder (GStreamer's nvcodec) to
 * the engine; what another decoder gives is copied there once. Pictures for people are drawn into there as well, and come out
 * for scaling and compression, for they are few.
 */
import { portable } from "./portable-profile.ts";
import type { Profile } from "./profile.ts";
import { planSource } from "./sources/index.ts";
import { networkStep } from "./steps.ts";

const GPU = 0;

export const cuda: Profile = {
  ...portable,
  name: "cuda",
  // Frames that are there already pass.
  plan: (source, context) => ({ ...planSource(source, context), adapt: "cudaupload name=convert" }),
  // With gpu-id the element offers its CUDA context before a decoder starts: all of them must work in the same one.
  infer: (settings, batch) => {
    const step = networkStep(settings, batch);
    return { ...step, properties: { ...step.properties, "gpu-id": GPU } };
  },
  picture: (settings) => portable.picture(settings).replace(" ! njosd ! ", " ! njosd ! cudadownload ! "),
  pictureElements: ["cudadownload", ...portable.pictureElements],
  sourceElements: ["cudaupload"],
  installHint:
    "the profile cuda needs GStreamer's nvcodec plugin (Debian: gstreamer1.0-plugins-bad), an NVIDIA driver, and a plugin built with -Dcuda=enabled",
};
