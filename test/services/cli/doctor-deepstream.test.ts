/** What the doctor says about DeepStream, on machines that have it, or do not. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deepstream } from "../../../services/cli/doctor/deepstream.ts";
import { parseConfig } from "../../../services/config/load.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nj-doctor-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

const examine = (text: string, installed = join(folder, "deepstream")) =>
  deepstream(parseConfig(`version: 1\n${text}`, join(folder, "nightjar.yaml")), {
    installed,
    tegra: join(folder, "nv_tegra_release"),
  }).run();

const named = async (findings: ReturnType<typeof examine>, name: string) =>
  (await findings).find((finding) => finding.name.includes(name))!;

describe("without DeepStream", () => {
  const text = "pipeline: {profile: deepstream}";

  it("every element of the graph that is missing is named, with what to do", async () => {
    const elements = await named(examine(text), "elements");
    expect(elements.status).toBe("missing");
    for (const element of ["nvstreammux", "nvtracker", "nvmsgconv", "nvstreamdemux", "nvdsosd", "nvurisrcbin"])
      expect(elements.found).toContain(element);
    expect(elements.remedy).toContain("docs/jetson.md");
  });

  it("elements that the configuration has no use for are not asked for", async () => {
    const elements = await named(examine("pipeline: {profile: deepstream, deepstream: {tracker: module}}"), "elements");
    expect(elements.found).not.toContain("nvtracker");
  });

  it("the version is missing", async () => {
    expect((await named(examine(text), "version")).status).toBe("missing");
  });
});

describe("with DeepStream", () => {
  it.each([
    ["Version: DeepStream 9.1", "ok"],
    ["Version: DeepStream 7.1", "ok"],
    ["Version: DeepStream 6.4", "missing"],
  ])("%s is %s", async (text, status) => {
    mkdirSync(join(folder, "deepstream"));
    writeFileSync(join(folder, "deepstream", "version"), `${text}\n`);
    expect((await named(examine("pipeline: {profile: deepstream}"), "version")).status).toBe(status);
  });

  it("a Jetson says its release", async () => {
    writeFileSync(join(folder, "nv_tegra_release"), "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n");
    expect((await named(examine("pipeline: {profile: deepstream}"), "machine")).found).toBe("Jetson Linux 36.4.3");
  });

  it("a tracker's files are looked for where the configuration says", async () => {
    writeFileSync(join(folder, "libtracker.so"), "");
    const text = "pipeline: {profile: deepstream, deepstream: {trackerLibrary: libtracker.so, trackerConfig: no.yml}}";
    expect((await named(examine(text), "trackerLibrary")).status).toBe("ok");
    expect(await named(examine(text), "trackerConfig")).toMatchObject({ status: "warning" });
  });
});
