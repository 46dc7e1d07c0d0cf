// Makes docs/images/demo.jpg: the demo's four cameras with their zones as njosd draws them, two by two.
//
// usage: node scripts/demo-picture.ts [SECONDS]      how long the demo plays before the picture is taken (default 12)
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import type { ConfigInput } from "../services/config/schema.ts";
import { demoCameras, Nightjar } from "../test/support/nightjar.ts";

const tile = { width: 800, height: 450 };
const seconds = Number(process.argv[2] ?? 12);
const demo = parse(readFileSync("demo/nightjar.yaml", "utf8")) as ConfigInput;
const zonesOf = (id: string) => demo.cameras?.find((camera) => camera.id === id)?.zones ?? [];
const nightjar = await Nightjar.start({
  cameras: demoCameras.map((camera) => ({ ...camera, zones: zonesOf(camera.id) })),
  console: { listen: "127.0.0.1:18080", pictureWidth: 1280 },
});
try {
  await nightjar.untilStatus("four cameras with objects", (status) =>
    status.cameras.every((camera) => camera.objectsTotal > 20),
  );
  // Somebody has to watch for trails to be drawn: the branch that draws is closed otherwise.
  const watching = demoCameras.map(({ id }) => fetch(`http://127.0.0.1:18080/api/cameras/${id}/live`));
  await sleep(seconds * 1000);
  const sources: string[] = [];
  for (const [index, { id }] of demoCameras.entries()) {
    const response = await fetch(`http://127.0.0.1:18080/api/cameras/${id}/snapshot.jpg`);
    const file = join(nightjar.folder, `${id}.jpg`);
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    sources.push(
      `filesrc location=${file} ! jpegdec ! videoscale method=lanczos ! video/x-raw,width=${tile.width},height=${tile.height} ! c.sink_${index}`,
    );
  }
  const places = demoCameras.map(
    (_, index) =>
      `sink_${index}::xpos=${(index % 2) * tile.width} sink_${index}::ypos=${Math.floor(index / 2) * tile.height}`,
  );
  mkdirSync("docs/images", { recursive: true });
  const pipeline = `compositor name=c ${places.join(" ")} ! videoconvert ! jpegenc quality=88 ! filesink location=docs/images/demo.jpg ${sources.join(" ")}`;
  execFileSync("gst-launch-1.0", ["-q", ...pipeline.split(" ")], { stdio: "inherit" });
  await Promise.all(watching.map(async (response) => (await response).body?.cancel()));
} finally {
  await nightjar.stop();
}
