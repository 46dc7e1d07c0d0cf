/** The topics of a device. docs/reference/topics.md describes what each carries. */

export interface Topics {
  /** Retained: birth, goodbye and will. */
  readonly status: string;
  readonly metrics: string;
  readonly loss: string;
  objects(camera: string): string;
  events(camera: string): string;
  /** Retained. */
  cameraStatus(camera: string): string;
}

/** @param prefix for instance "nightjar/gate-1"; no wildcards, no slash at its ends */
export function topicsOf(prefix: string): Topics {
  if (!isTopic(prefix))
    throw new RangeError(`"${prefix}" is no topic: it may not hold + or #, nor begin or end with /`);
  const camera = (id: string, leaf: string) => `${prefix}/cameras/${topicLevel(id)}/${leaf}`;
  return {
    status: `${prefix}/status`,
    metrics: `${prefix}/metrics`,
    loss: `${prefix}/loss`,
    objects: (id) => camera(id, "objects"),
    events: (id) => camera(id, "events"),
    cameraStatus: (id) => camera(id, "status"),
  };
}

function isTopic(text: string): boolean {
  return /^[^+#/\0]+(\/[^+#/\0]+)*$/.test(text) && Buffer.byteLength(text) <= 60_000;
}

/** One level of a topic: what may not stand there becomes "_". */
function topicLevel(id: string): string {
  const level = id.replace(/[+#/\0]/g, "_");
  return level === "" ? "_" : level;
}
