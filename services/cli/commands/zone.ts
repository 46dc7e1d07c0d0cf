import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { ZoneInput } from "../../config/zones.ts";
import { EXIT, ExpectedError, messageOf } from "../../log/errors.ts";
import type { ZoneView } from "../../supervisor/zones.ts";
import { Client } from "../client.ts";
import { type CommandSpec, textOf, type Values } from "../command.ts";
import { REACH_OPTIONS, socketOf } from "../options.ts";
import { table } from "../table.ts";

const CAMERA = { name: "<camera>", description: "name of the camera" };

export const zoneList: CommandSpec = {
  name: "zone list",
  summary: "the zones of the running Nightjar's cameras",
  arguments: [{ name: "[camera]", description: "only those of this camera" }],
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const camera = textOf(values, "camera");
    const all = await new Client(socketOf(values)).call("listZones", {});
    const zones = all.filter((view) => camera === undefined || view.camera === camera);
    return { exitCode: EXIT.ok, text: listText(zones), json: zones };
  },
};

export const zoneSet: CommandSpec = {
  name: "zone set",
  summary: "add a zone to a camera, or change the one of its name; it works at once and survives a restart",
  arguments: [CAMERA, { name: "[name]", description: "name of the zone" }],
  options: [
    ...REACH_OPTIONS,
    { flags: "--type <type>", description: "region or line" },
    { flags: "--points <points>", description: 'corners in shares of the picture, such as "0.1,0.5 0.9,0.5"' },
    { flags: "--classes <labels>", description: "labels of the objects that count, separated by commas" },
    { flags: "--anchor <anchor>", description: "point of the box that counts: bottom, centre, top, left or right" },
    { flags: "--settle <duration>", description: "how long something must last until it counts, such as 300ms" },
    { flags: "--count <way>", description: "lines: both, in or out" },
    { flags: "--dwell <duration>", description: "regions: tell who stays this long" },
    { flags: "--crowd <objects>", description: "regions: tell when so many are inside", parse: numberOf },
    {
      flags: "--direction <degrees>",
      description: "regions: allowed direction, clockwise from the right",
      parse: numberOf,
    },
    {
      flags: "--from <file>",
      description: "the whole zone (YAML, as in the configuration) from a file; - is standard input",
    },
  ],
  json: true,
  run: async (values) => {
    const camera = textOf(values, "camera") ?? "";
    const zone = zoneOf(values);
    const view = await new Client(socketOf(values)).call("setZone", { camera, ...zone });
    return { exitCode: EXIT.ok, text: `zone ${view.zone.name} of camera ${camera} set`, json: view };
  },
};

export const zoneRemove: CommandSpec = {
  name: "zone remove",
  summary: "remove a zone from a camera; it stays removed after a restart",
  arguments: [CAMERA, { name: "<name>", description: "name of the zone" }],
  options: REACH_OPTIONS,
  json: true,
  run: async (values) => {
    const [camera, name] = [textOf(values, "camera") ?? "", textOf(values, "name") ?? ""];
    const answer = await new Client(socketOf(values)).call("removeZone", { camera, name });
    return { exitCode: EXIT.ok, text: `zone ${answer.removed} of camera ${camera} removed`, json: answer };
  },
};

function zoneOf(values: Values): ZoneInput {
  const file = textOf(values, "from");
  const name = textOf(values, "name");
  const entry = file === undefined ? {} : readEntry(file);
  const points = textOf(values, "points");
  const classes = textOf(values, "classes");
  const given = {
    name,
    type: textOf(values, "type"),
    points: points === undefined ? undefined : pointsOf(points),
    classes: classes?.split(",").map((label) => label.trim()),
    anchor: textOf(values, "anchor"),
    settle: textOf(values, "settle"),
    count: textOf(values, "count"),
    dwell: textOf(values, "dwell"),
    crowd: values.crowd,
    direction: values.direction,
  };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  // What is missing or wrong is said by the schema, with its key.
  return { ...entry, ...Object.fromEntries(present) } as ZoneInput;
}

/** "0.1,0.5 0.9,0.5" */
function pointsOf(text: string): number[][] {
  return text
    .trim()
    .split(/\s+/)
    .map((pair) => {
      const numbers = pair.split(",").map(Number);
      if (numbers.length === 2 && numbers.every((number) => Number.isFinite(number))) return numbers;
      const expected = 'expected x,y x,y … in shares of the picture, such as "0.1,0.5 0.9,0.5"';
      throw new ExpectedError(EXIT.usage, `--points: "${pair}" is no point; ${expected}`);
    });
}

function numberOf(text: string): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isFinite(number)) return number;
  throw new ExpectedError(EXIT.usage, `"${text}" is not a number`);
}

function readEntry(file: string): Partial<ZoneInput> {
  try {
    return parse(readFileSync(file === "-" ? 0 : file, "utf8")) as Partial<ZoneInput>;
  } catch (error) {
    throw new ExpectedError(EXIT.usage, `--from ${file}: ${messageOf(error).split("\n")[0]}`, { cause: error });
  }
}

function listText(zones: readonly ZoneView[]): string {
  if (zones.length === 0)
    return 'there are no zones; set one with: nightjar zone set CAMERA NAME --type line --points "0.1,0.5 0.9,0.5"';
  const rows = zones.map(({ camera, zone, origin }) => [
    camera,
    zone.name,
    zone.type,
    zone.points.map((point) => point.join(",")).join(" "),
    zone.classes?.join(",") ?? "all",
    origin,
  ]);
  return table(["CAMERA", "ZONE", "TYPE", "POINTS", "CLASSES", "ORIGIN"], rows);
}
