import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Rig, type RigSetup } from "../../../services/modules/rig.ts";
import { limitsSchema } from "../../../services/postprocess/bundle_schema.ts";

const SOURCE = `import { BatchMetadataOperator } from "nightjar/operator";
export default class extends BatchMetadataOperator { handleMetadata(): void {} }`;

const setup: RigSetup = {
  kind: "analyze",
  outputs: [],
  labels: ["car"],
  network: { width: 0, height: 0 },
  limits: limitsSchema.parse({}),
  parameters: {},
};

const folder = mkdtempSync(join(tmpdir(), "nightjar-rig-"));
const file = join(folder, "rule.ts");
writeFileSync(file, SOURCE);
afterAll(() => rmSync(folder, { recursive: true }));

describe("a rig with an operator", () => {
  it("refuses it, for it has no sandbox", async () => {
    await expect(Rig.open(file, Buffer.from(SOURCE), setup)).rejects.toThrow(/rule\.ts is an operator/);
  });

  it("runs it when it is told to", async () => {
    const rig = await Rig.open(file, Buffer.from(SOURCE), { ...setup, runOperator: true });
    await rig.close();
  });
});
