/** The profiles. Another one is another table of elements (profile.ts), and sources of its own where it has them. */
import { cuda } from "./cuda-profile.ts";
import { deepStreamProfile } from "./deepstream-profile.ts";
import type { PipelineSettings } from "./messages.ts";
import { portable } from "./portable-profile.ts";
import type { Profile } from "./profile.ts";

/** undefined: there is no profile of that name, or its settings are missing. */
export function profileOf(settings: PipelineSettings): Profile | undefined {
  if (settings.profile === "portable") return portable;
  if (settings.profile === "cuda") return cuda;
  if (settings.profile === "deepstream" && settings.deepstream !== undefined)
    return deepStreamProfile(settings.deepstream);
  return undefined;
}

export const profileNames = ["portable", "cuda", "deepstream"] as const;
