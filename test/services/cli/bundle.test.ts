import { spawn } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../../../services/log/errors.ts";
import type { BundlesView, ElementView } from "../../../services/supervisor/deployments/control.ts";
import { waitUntil } from "../../support/wait.ts";
import { type SmallSupervisor, startSmall } from "../supervisor/small-supervisor.ts";

const NIGHTJAR = join(import.meta.dirname, "../../../bin/nightjar");
let small: SmallSupervisor;

/** Not synchronous: the supervisor lives in this process. */
function nightjar(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(NIGHTJAR, [...args, "--socket", small.supervisor.controlSocket]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => (stdout += data));
  child.stderr.on("data", (data) => (stderr += data));
  return new Promise((resolve) => child.on("exit", (code) => resolve({ code, stdout, stderr })));
}

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse((await nightjar(...args, "--json")).stdout) as T;
}

beforeAll(async () => {
  small = await startSmall({ modules: { probation: "0s" } });
  const bundles = join(small.folder, "bundles");
  for (const name of ["better", "broken"]) {
    cpSync(join(bundles, "street"), join(bundles, name), { recursive: true });
    const yaml = `name: ${name}\nversion: 1.0.0\nkind: detect\nlabels: [car, bicycle, person]\n`;
    writeFileSync(join(bundles, name, "bundle.yaml"), yaml);
  }
  await waitUntil("the postprocess process", () =>
    small.supervisor.status().processes.some(({ name, state }) => name === "postprocess" && state === "running"),
  );
});
afterAll(() => small.end());

describe("nightjar bundle", () => {
  it("lists what there is and what serves", async () => {
    const { elements, bundles } = await json<BundlesView>("bundle", "list");
    expect(elements).toMatchObject([
      { element: "infer", active: "street 1.0.0", isConfigured: true, previous: null, change: null, last: null },
      { element: "tracker", active: "bytetrack 1.0.0" },
    ]);
    expect(bundles.map(({ name }) => name).sort()).toEqual(["better", "broken", "bytetrack", "street"]);
    expect((await nightjar("bundle", "list")).stdout).toMatch(/infer +street 1\.0\.0/);
  });

  it("activates one and goes back", async () => {
    const { code, stdout } = await nightjar("bundle", "activate", "better");
    expect([code, stdout]).toEqual([EXIT.ok, expect.stringMatching(/^better 1\.0\.0 serves infer after/)]);
    await waitUntil(
      "the change has ended",
      async () => (await json<BundlesView>("bundle", "list")).elements[0]?.change === null,
    );
    const back = await json<ElementView>("bundle", "rollback", "infer");
    expect(back.active).toBe("street 1.0.0");
  });

  it("says why one does not serve, and keeps it out from then on", async () => {
    await waitUntil(
      "the change has ended",
      async () => (await json<BundlesView>("bundle", "list")).elements[0]?.change === null,
    );
    const first = await nightjar("bundle", "activate", "broken");
    expect([first.code, first.stdout]).toEqual([
      EXIT.configuration,
      expect.stringContaining("the module does not compile"),
    ]);
    const again = await nightjar("bundle", "activate", "broken");
    expect([again.code, again.stderr]).toEqual([
      EXIT.configuration,
      expect.stringContaining("broken 1.0.0 is in quarantine"),
    ]);
    expect((await nightjar("bundle", "quarantine", "broken", "--release")).code).toBe(EXIT.ok);
    expect((await nightjar("bundle", "quarantine", "broken", "--release")).stderr).toContain("not in quarantine");
    expect((await nightjar("bundle", "quarantine", "better", "--reason", "too slow")).code).toBe(EXIT.ok);
    expect((await nightjar("bundle", "inspect", "better")).stdout).toMatch(/quarantine +too slow/);
  });

  it("compares one in the shadow", async () => {
    const { code, stdout } = await nightjar("bundle", "shadow", "broken", "--duration", "1s");
    expect([code, stdout]).toEqual([EXIT.configuration, expect.stringContaining("the module does not compile")]);
    expect((await nightjar("bundle", "quarantine", "better", "--release")).code).toBe(EXIT.ok);
    const shadow = await nightjar("bundle", "shadow", "better", "--duration", "100ms");
    expect(shadow.stdout).toMatch(/agreement 50\.0 %/);
    expect(shadow.stdout).toMatch(/car +2 +2 +1 +0\.800/);
  });

  it.each([
    [["bundle", "activate", "betr"], 'there is no bundle "betr"', EXIT.configuration],
    [["bundle", "rollback", "osd"], 'there is no element "osd"', EXIT.configuration],
    [["bundle", "activate", "better", "--agreement", "2"], "--agreement: found", EXIT.usage],
    [["bundle", "activate", "better", "--parameters", "7"], "--parameters: found", EXIT.usage],
  ])("%j says what is wrong", async (args, message, exitCode) => {
    const { code, stderr } = await nightjar(...args);
    expect([code, stderr]).toEqual([exitCode, expect.stringContaining(message)]);
  });
});
