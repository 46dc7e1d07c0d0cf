/** The configuration file of nvmsgconv: a [sensorN], [placeN] and [analyticsN] group for the camera with source id N. */
import type { Camera, Config, Place } from "../config/load.ts";
import type { RegisteredCamera } from "./camera-registry.ts";

export function messageConfig(config: Config, cameras: readonly RegisteredCamera[]): string {
  const groups = cameras.flatMap(({ camera, sourceId }) => [
    group(`sensor${sourceId}`, sensor(camera)),
    ...placeGroup(camera.place ?? config.device.place, sourceId),
    ...analyticsGroup(config, sourceId),
  ]);
  return `${groups.join("\n\n")}\n`;
}

type Values = Record<string, string | undefined>;

function group(name: string, values: Values): string {
  const lines = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${keyFileText(value)}`],
  );
  return [`[${name}]`, "enable=1", ...lines].join("\n");
}

function sensor(camera: Camera): Values {
  return {
    type: "Camera",
    id: camera.id,
    location: location(camera.location),
    description: camera.description === "" ? camera.name : camera.description,
    coordinate: coordinate(camera.coordinate),
  };
}

function placeGroup(place: Place | undefined, sourceId: number): string[] {
  if (place === undefined) return [];
  const [first, second, third] = place.fields;
  const values = {
    id: place.id,
    type: place.type,
    name: place.name,
    location: location(place.location),
    coordinate: coordinate(place.coordinate),
    "place-sub-field1": first,
    "place-sub-field2": second,
    "place-sub-field3": third,
  };
  return [group(`place${sourceId}`, values)];
}

function analyticsGroup(config: Config, sourceId: number): string[] {
  const { analytics } = config.messages;
  return analytics === undefined ? [] : [group(`analytics${sourceId}`, { ...analytics })];
}

function location(at: Camera["location"]): string {
  return at === undefined ? "0;0;0" : `${at.latitude};${at.longitude};${at.altitude}`;
}

function coordinate(at: Camera["coordinate"]): string {
  return at === undefined ? "0;0;0" : `${at.x};${at.y};${at.z}`;
}

/** GKeyFile's escapes; a line break would begin another key. */
function keyFileText(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
}
