/** The topics of a device. docs/reference/topics.md describes what each carries. */

export interface Topics {
  /** Retained: birth, goodbye and will. */
  readonly status: string;
  readonly metrics: string;
  /** What happens to bundles and their modules. */
  readonly bundles: string;
  readonly loss: string;
  /** Retained: what the updater does and has. */
  readonly update: string;
  /** Where commands come from: the name of the command is the last level. */
  readonly commands: string;
  objects(camera: string): string;
  events(camera: string): string;
  /** Retained. */
  cameraStatus(camera: string): string;
  /** Retained: objects by label. */
  counts(camera: string): string;
  /** Where the answer goes when the request names no response topic. */
  reply(command: string): string;
  /** What is published there is nvmsgconv's, to the byte. */
  isObjects(topic: string): boolean;
  /** The command of a topic below `commands`; undefined when it is none. */
  commandOf(topic: string): string | undefined;
}

/** @param prefix for instance "nightjar/gate-1"; no wildcards, no slash at its ends */
export function topicsOf(prefix: string): Topics {
  if (!isTopic(prefix))
    throw new RangeError(`"${prefix}" is no topic: it may not hold + or #, nor begin or end with /`);
  const camera = (id: string, leaf: string) => `${prefix}/cameras/${topicLevel(id)}/${leaf}`;
  const command = `${prefix}/command/`;
  return {
    status: `${prefix}/status`,
    metrics: `${prefix}/metrics`,
    bundles: `${prefix}/bundles`,
    loss: `${prefix}/loss`,
    update: `${prefix}/update`,
    commands: `${command}+`,
    objects: (id) => camera(id, "objects"),
    events: (id) => camera(id, "events"),
    cameraStatus: (id) => camera(id, "status"),
    counts: (id) => camera(id, "counts"),
    reply: (name) => `${prefix}/reply/${topicLevel(name)}`,
    isObjects: (topic) => topic.startsWith(`${prefix}/cameras/`) && topic.endsWith("/objects"),
    commandOf: (topic) => (topic.startsWith(command) ? topic.slice(command.length) : undefined),
  };
}

/** A topic that one can publish to. */
export function isTopic(text: string): boolean {
  return /^[^+#/\0]+(\/[^+#/\0]+)*$/.test(text) && Buffer.byteLength(text) <= 60_000;
}

/** One level of a topic: what may not stand there becomes "_". */
export function topicLevel(id: string): string {
  const level = id.replace(/[+#/\0]/g, "_");
  return level === "" ? "_" : level;
}
