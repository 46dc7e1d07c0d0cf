import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parseConfig } from "../../../services/config/load.ts";
import type { ConfigInput } from "../../../services/config/schema.ts";
import type { ZoneInput } from "../../../services/config/zones.ts";
import type { BundleInfo } from "../../../services/supervisor/bundles.ts";
import { CameraRegistry } from "../../../services/supervisor/camera-registry.ts";
import { Requests } from "../../../services/supervisor/requests.ts";
import { ZoneControl } from "../../../services/supervisor/zone-control.ts";
import { Zones } from "../../../services/supervisor/zones.ts";

const gate: ZoneInput = {
  name: "gate",
  type: "line",
  points: [
    [0.1, 0.5],
    [0.9, 0.5],
  ],
  classes: ["person"],
};
const yard: ZoneInput = { name: "yard", type: "region", points: [...gate.points, [0.5, 0.9]], dwell: "10s" };
const detector: BundleInfo = {
  directory: "/b/street",
  name: "street",
  version: "1.0.0",
  kind: "detect",
  labels: ["car", "person"],
};
const zonesBundle: BundleInfo = { ...detector, name: "zones", kind: "analyze", labels: [] };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-zones-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(zones: ZoneInput[] = [gate], section: ConfigInput["zones"] = {}) {
  const warnings: string[] = [];
  const config = parseConfig(
    stringify({
      version: 1,
      cameras: [
        { id: "door", uri: "test:", zones },
        { id: "street", uri: "test:" },
      ],
      zones: section,
      directories: { state: folder, bundles: join(folder, "bundles") },
    }),
    join(folder, "nightjar.yaml"),
  );
  const registry = new CameraRegistry(config, () => {});
  return { config, registry, warnings, zones: new Zones(config, registry, detector, (text) => warnings.push(text)) };
}

describe("the zones of all cameras", () => {
  it("reach the module by source, in its units, labels as class ids", () => {
    const { zones } = open([gate, yard]);
    expect(JSON.parse(zones.text())).toMatchObject([
      { name: "gate", source: 0, classes: [1], settle: 0.3, margin: 0.01, count: "both" },
      { name: "yard", source: 0, dwell: 10, crowdTime: 2 },
    ]);
  });

  it("are set, replaced and removed at run time, and are there again after a restart", () => {
    const { zones } = open();
    zones.set("street", yard);
    zones.set("street", { ...yard, dwell: "5s" });
    zones.set("door", yard);
    zones.remove("door", "gate");
    const again = open().zones.list();
    expect(again.map(({ camera, zone, origin }) => [camera, zone.name, zone.dwell, origin])).toEqual([
      ["door", "yard", "10s", "set"],
      ["street", "yard", "5s", "set"],
    ]);
  });

  it("of the configuration are listed as they could be written there", () => {
    const [view] = open([{ ...yard, crowd: 3, stride: "7.5%" }]).zones.list();
    expect(view).toMatchObject({ origin: "configuration", zone: { dwell: "10000ms", crowd: 3, stride: "7.5%" } });
    expect(() => open([view!.zone])).not.toThrow();
  });

  it("are refused with one clear line, and nothing has changed then", () => {
    const { zones } = open();
    expect(() => zones.set("street", { ...yard, points: [[0, 2]] })).toThrow("zones[0].points[0][1]: found 2");
    expect(() => zones.set("street", { ...gate, classes: ["persn"] })).toThrow(
      'zone gate: classes: bundle street has no label "persn" (did you mean person?)',
    );
    expect(() => zones.set("stret", yard)).toThrow('there is no camera "stret" (did you mean street?)');
    expect(() => zones.remove("door", "gat")).toThrow('camera "door" has no zone "gat" (did you mean gate?)');
    expect(zones.list()).toHaveLength(1);
  });

  it("that take too much room are refused", () => {
    const points = Array.from({ length: 64 }, (_, i): [number, number] => [i / 64 + 1e-9, 1 / 3]);
    const large = (i: number): ZoneInput => ({ ...yard, name: `zone ${i}`, points });
    const { zones } = open(Array.from({ length: 60 }, (_, i) => large(i)));
    const fill = () => {
      for (let i = 0; i < 64; i++) zones.set("street", large(i));
    };
    expect(fill).toThrow("use fewer zones or fewer points");
  });

  it("in a damaged state file are lost and said so, no more", () => {
    writeFileSync(join(folder, "zones.json"), "{");
    const damaged = open();
    expect(damaged.warnings).toEqual([expect.stringContaining("is damaged")]);
    expect(damaged.zones.list()).toHaveLength(1);
    const wrong = { version: 1, cameras: { door: [{ ...gate, classes: ["bird"] }] } };
    writeFileSync(join(folder, "zones.json"), JSON.stringify(wrong));
    const other = open();
    expect(other.warnings).toEqual([expect.stringContaining("bird")]);
    expect(other.zones.list()).toMatchObject([{ origin: "configuration" }]);
  });
});

describe("a camera that is added", () => {
  it("is refused with zones that are wrong, by name", () => {
    const { zones } = open();
    expect(() => zones.check("new", [{ ...yard, points: [[0, 0]] }])).toThrow("camera new: zones[0].points");
    expect(() => zones.check("new", [{ ...gate, classes: ["bird"] }])).toThrow('has no label "bird"');
    expect(() => zones.check("new", undefined)).not.toThrow();
  });

  it("brings its zones; after a change of the detector they are left out, and that is said", () => {
    const { registry, zones } = open([]);
    registry.add({ id: "new", uri: "test:", zones: [gate] });
    expect(JSON.parse(zones.text())).toMatchObject([{ name: "gate", source: 2 }]);
    registry.add({ id: "birds", uri: "test:", zones: [{ ...gate, classes: ["bird"] }] });
    const again = open([]);
    expect(again.warnings).toEqual([expect.stringContaining('camera "birds" has no zones now')]);
    expect(JSON.parse(again.zones.text())).toHaveLength(1);
  });
});

describe("a change of zones", () => {
  function control(section: ConfigInput["zones"] = {}, bundle: BundleInfo | null = zonesBundle) {
    const { config, zones } = open([gate], section);
    const sent: object[] = [];
    let restarts = 0;
    const requests = new Requests((message) => {
      sent.push(message);
      return false; // nobody is there to answer
    });
    const parts = {
      config,
      zones,
      bundle: bundle ?? undefined,
      requests,
      log: pino({ level: "silent" }),
      restart: () => restarts++,
    };
    return { control: new ZoneControl(parts), sent, restarts: () => restarts };
  }

  it("goes to the running module with all zones", async () => {
    const { control: subject, sent } = control();
    await subject.set("street", yard);
    expect(sent).toMatchObject([
      { type: "setParameters", step: "zones", change: { parameters: { "forget-after": 2 } } },
    ]);
    const { zones } = (sent[0] as { change: { parameters: { zones: string } } }).change.parameters;
    expect(JSON.parse(zones)).toMatchObject([{ name: "gate" }, { name: "yard", source: 1 }]);
  });

  it("is refused when zones are switched off", async () => {
    const { control: subject } = control({ enabled: false }, null);
    await expect(subject.set("street", yard)).rejects.toThrow("set zones.enabled: true");
  });

  it("forgets the zones of a camera that is removed", async () => {
    const { control: subject } = control();
    await subject.set("street", yard);
    await subject.cameraRemoved("street");
    expect(JSON.parse(readFileSync(join(folder, "zones.json"), "utf8"))).toEqual({ version: 1, cameras: {} });
  });
});
