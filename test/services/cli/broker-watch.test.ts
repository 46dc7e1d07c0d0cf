import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { connectAsync } from "mqtt";
import { expect, it } from "vitest";
import { Mosquitto } from "../../support/mosquitto.ts";
import { waitUntil } from "../../support/wait.ts";

const run = promisify(execFile);

it("shows the messages at a broker, each once, and what is missing", async () => {
  const broker = await Mosquitto.start();
  const client = await connectAsync(broker.url);
  try {
    const args = [
      "services/cli/main.ts",
      "watch",
      "--broker",
      broker.url,
      "--prefix",
      "nightjar/g",
      "-n",
      "3",
      "--json",
    ];
    const watching = run(process.execPath, args);
    await waitUntil("the subscription", () => broker.log.includes("nightjar/g/#"), 20_000);
    for (const sequence of [1, 2, 2, 5]) {
      const nightjarMessage = { device: "g", epoch: "0011223344556677", sequence };
      await client.publishAsync("nightjar/g/metrics", JSON.stringify({ nightjarMessage }), { qos: 1 });
    }
    const { stdout, stderr } = await watching;
    const shown = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(shown.map(({ identity }) => identity.sequence)).toEqual([1, 2, 5]);
    expect(stderr).toContain(
      "g/0011223344556677: 3 messages, 1 repetitions, 0 reported lost, missing without a report: 3-4",
    );
  } finally {
    await client.endAsync(true);
    await broker.remove();
  }
});

it("wants to know which device", async () => {
  const watching = run(process.execPath, ["services/cli/main.ts", "watch", "--broker", "mqtt://127.0.0.1:1"]);
  await expect(watching).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("--prefix") });
});
