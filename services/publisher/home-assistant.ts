/**
 * Home Assistant's MQTT discovery: retained descriptions of the device, of each camera's object count and of its events.
 * They are announced again when Home Assistant starts, which it tells on `<discovery prefix>/status`.
 */
import type { RetainedMessages } from "./retained.ts";
import { type Topics, topicLevel } from "./topics.ts";

export interface HomeAssistantOptions {
  /** Home Assistant's discovery prefix; "homeassistant" unless somebody changed it there. */
  readonly prefix: string;
  readonly deviceName: string;
}

interface Discovery {
  readonly topic: string;
  /** null takes it away. */
  readonly document: object | null;
}

interface Device {
  readonly id: string;
  readonly version: string;
  readonly topics: Topics;
}

/** What `njanalytics` modules that we ship conclude; Home Assistant wants the list beforehand. */
const EVENT_TYPES = [
  "appeared",
  "left",
  "crowd-cleared",
  "crowded",
  "dwell",
  "line-crossing",
  "region-entered",
  "region-left",
  "wrong-way",
];

/** An event that had to wait has not happened now: an empty text is no event. */
const EVENT_TEMPLATE =
  "{% if not (value_json.nightjarMessage | default({})).late | default(false) %}" +
  "{{ {'event_type': value_json.type, 'rule': value_json.rule, 'value': value_json.value} | tojson }}{% endif %}";

/** Keeps Home Assistant told of the device and its cameras. */
export class HomeAssistant {
  readonly #options: HomeAssistantOptions;
  readonly #device: Device;
  readonly #retained: RetainedMessages;

  constructor(options: HomeAssistantOptions, device: Device, retained: RetainedMessages) {
    this.#options = options;
    this.#device = device;
    this.#retained = retained;
    this.#say(deviceDiscovery(options, device));
  }

  /** Where it says that it has started. */
  get statusTopic(): string {
    return `${this.#options.prefix}/status`;
  }

  /** @param gone takes the camera's entities away */
  announceCamera(camera: string, gone: boolean): void {
    this.#say(cameraDiscovery(this.#options, this.#device, camera, gone));
  }

  /** @returns false when the message is not Home Assistant's */
  hear({ topic, payload }: { readonly topic: string; readonly payload: Buffer }): boolean {
    if (topic !== this.statusTopic) return false;
    // It has started, and wants to hear everything again.
    if (payload.toString() === "online") this.#retained.sayAgain();
    return true;
  }

  #say(documents: readonly Discovery[]): void {
    for (const { topic, document } of documents) this.#retained.set(topic, document);
  }
}

function deviceDiscovery(options: HomeAssistantOptions, device: Device): Discovery[] {
  const { topics } = device;
  const id = `${uniqueId(device.id)}_connection`;
  const document = {
    ...common(options, device, "binary_sensor", id, "Connection"),
    // Without this the entity would be unavailable when it has the most to say.
    availability: undefined,
    state_topic: topics.status,
    value_template: "{{ 'ON' if value_json.state == 'online' else 'OFF' }}",
    device_class: "connectivity",
    entity_category: "diagnostic",
  };
  return [{ topic: `${options.prefix}/binary_sensor/${id}/config`, document }];
}

/** @param camera identifier; @param gone takes its entities away */
function cameraDiscovery(options: HomeAssistantOptions, device: Device, camera: string, gone: boolean): Discovery[] {
  const { topics } = device;
  const base = `${uniqueId(device.id)}_${uniqueId(camera)}`;
  const entities: [component: string, id: string, document: object][] = [
    [
      "sensor",
      `${base}_objects`,
      {
        ...common(options, device, "sensor", `${base}_objects`, `${camera} objects`),
        state_topic: topics.counts(camera),
        value_template: "{{ value_json.total }}",
        json_attributes_topic: topics.counts(camera),
        json_attributes_template: "{{ value_json.labels | tojson }}",
        state_class: "measurement",
      },
    ],
    [
      "binary_sensor",
      `${base}_occupancy`,
      {
        ...common(options, device, "binary_sensor", `${base}_occupancy`, `${camera} occupancy`),
        state_topic: topics.counts(camera),
        value_template: "{{ 'ON' if value_json.total > 0 else 'OFF' }}",
        device_class: "occupancy",
      },
    ],
    [
      "event",
      `${base}_events`,
      {
        ...common(options, device, "event", `${base}_events`, `${camera} events`),
        state_topic: topics.events(camera),
        event_types: EVENT_TYPES,
        value_template: EVENT_TEMPLATE,
      },
    ],
  ];
  return entities.map(([component, id, document]) => ({
    topic: `${options.prefix}/${component}/${id}/config`,
    document: gone ? null : document,
  }));
}

function common(
  options: HomeAssistantOptions,
  { id, version, topics }: Device,
  component: string,
  uniqueId: string,
  name: string,
) {
  const software = version === "" ? {} : { sw_version: version };
  return {
    name,
    unique_id: uniqueId,
    default_entity_id: `${component}.${uniqueId.toLowerCase().replaceAll("-", "_")}`,
    origin: { name: "Nightjar", ...software },
    availability: [{ topic: topics.status, value_template: "{{ value_json.state }}" }],
    device: {
      identifiers: [`nightjar_${id}`],
      name: options.deviceName,
      manufacturer: "Nightjar",
      model: "Edge video analytics",
      ...software,
    },
  };
}

/** Letters, digits, - and _ only: Home Assistant takes no others in a topic. */
function uniqueId(text: string): string {
  return topicLevel(text).replace(/[^A-Za-z0-9_-]/g, "_");
}
