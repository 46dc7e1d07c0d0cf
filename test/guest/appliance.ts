// The disk image as a box: it boots by itself, its cameras play, processes that hang are replaced, and the power fails while it records
// and while it is updated. Everything outside of it (broker, consumer, repository) runs here; scripts/test-guest starts this in a network of
// its own.
//
// usage: node test/guest/appliance.ts IMAGE FOLDER
// Read from the environment: CAMERAS (of the demo, default 1: the processor is emulated), CUTS (default 2, of each kind), PATIENCE
// (default 1: a machine that does nothing else).
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { Consumer } from "../../services/publisher/consumer.ts";
import type { Status } from "../../services/supervisor/status.ts";
import type { UpdateStatus } from "../../services/updater/types.ts";
import { TestRepository } from "../services/updater/support/repository.ts";
import { StaticServer } from "../services/updater/support/static-server.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { demoCameras } from "../support/nightjar.ts";
import { streetBundle } from "../support/street-releases.ts";
import { waitUntil } from "../support/wait.ts";
import { Guest } from "./guest.ts";

const [image, folder] = process.argv.slice(2);
if (image === undefined || folder === undefined) {
  console.error("usage: node test/guest/appliance.ts IMAGE FOLDER");
  process.exit(2);
}
const cameras = Number(process.env["CAMERAS"] ?? 1);
const cuts = Number(process.env["CUTS"] ?? 2);
const patience = Number(process.env["PATIENCE"] ?? 1);
const MINUTE = 60_000 * patience;
/** How the emulated machine reaches this one. */
const HERE = "10.0.2.2";
/** More disk than the image has: the data partition takes it. MB. */
const DISK_MB = 4500;
const PREFIX = "nightjar/guest";
const DATA = "/var/lib/nightjar";

const box = { disk: join(folder, "disk.img"), folder, patience };
let guest: Guest;
let broker: Mosquitto;
let consumer: Consumer;
let repository: TestRepository;
let server: StaticServer;
let received = 0;
let passed = 0;

function ok(what: string): void {
  passed += 1;
  console.log(`✓ ${what}`);
}

function check(what: string, found: unknown, isRight: boolean): void {
  if (!isRight) throw new Error(`${what}: found ${JSON.stringify(found)}`);
  ok(what);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const status = async (): Promise<Status> => JSON.parse(await guest.ask("nightjar status --json", MINUTE));
const update = async (): Promise<UpdateStatus> => JSON.parse(await guest.ask("nightjar update status --json", MINUTE));

/** Of a unit: from its start to the word that it is ready, milliseconds. */
async function startTime(unit: string): Promise<number> {
  const properties = await guest.ask(
    `systemctl show ${unit} -p InactiveExitTimestampMonotonic -p ActiveEnterTimestampMonotonic`,
  );
  const field = (name: string): number => Number(new RegExp(`^${name}=(\\d+)`, "m").exec(properties)?.[1]) / 1000;
  return field("ActiveEnterTimestampMonotonic") - field("InactiveExitTimestampMonotonic");
}

async function untilActive(): Promise<void> {
  await guest.until("nightjar.service to be ready", "systemctl is-active --quiet nightjar", 10 * MINUTE);
}

/** What every start has to give, whatever came before it. */
async function soundness(): Promise<void> {
  await untilActive();
  await guest.until(
    "the start to be over",
    "case $(systemctl is-system-running) in running | degraded) ;; *) false ;; esac",
    5 * MINUTE,
  );
  const failed = await guest.ask("systemctl list-units --failed --plain --no-legend");
  check("no unit failed", failed, failed === "");
  const journal = await guest.ask(
    'journalctl -b --no-pager | grep -iE "ordering cycle|EXT4-fs error|Out of memory" || true',
  );
  check("no ordering cycle, no fault of a file system", journal, journal === "");
}

async function untilObjects(what: string): Promise<void> {
  await waitUntil(
    `objects ${what}`,
    async () => {
      const now = await status().catch(() => undefined);
      if (now !== undefined && now.cameras.length > 0 && now.cameras.every((each) => each.objectsTotal > 0))
        return true;
      await sleep(3000);
      return false;
    },
    8 * MINUTE,
  );
}

// --- the parts

async function firstStart(): Promise<void> {
  const from = Date.now();
  guest = await Guest.boot(box);
  ok(`it boots by its own boot loader: a login prompt after ${seconds(Date.now() - from)}`);
  await untilActive();
  ok(
    `nightjar.service is ready ${seconds(await startTime("nightjar"))} after its start (figure: 10 s; emulated processor)`,
  );
  await soundness();
  const name = await guest.ask("hostname");
  check("it has a name of its own", name, /^nightjar-[0-9a-f]{6}$/.test(name));
  const size = Number(await guest.ask("df --output=size -BM /var | tail -1 | tr -dc 0-9"));
  check("the data partition has taken the rest of the disk", size, size > 1500);
  const open = await guest.ask("ss -Hltn | awk '{ print $4 }' | grep -vE '^(127\\.|\\[::1\\])' || true");
  check("nothing is to be reached from outside", open, open === "");
  const { cameras: found } = await status();
  check(
    "the demo's cameras are there",
    found.map(({ id }) => id),
    found.length === demoCameras.length,
  );
}

/** From here on with a broker and a repository elsewhere, and as many cameras as the emulator can bear. */
async function deploy(): Promise<void> {
  const clips = "/usr/share/nightjar/demo/clips";
  const configuration = {
    version: 1,
    device: { id: "guest" },
    cameras: demoCameras.slice(0, cameras).map(({ id }) => ({
      id,
      source: { type: "file", path: `${clips}/${id}.mp4`, loop: true },
    })),
    mqtt: { url: `mqtt://${HERE}:${broker.port}`, insecure: true, topicPrefix: PREFIX },
    updates: {
      repository: server.url.replace("127.0.0.1", HERE),
      root: "/etc/nightjar/root.json",
      clock: "system",
      interval: "1h",
      probation: { model: "5s", module: "5s", frameRate: 0 },
    },
  };
  await guest.write("/etc/nightjar/root.json", readFileSync(repository.metadata("1.root.json"), "utf8"));
  await guest.write("/etc/nightjar/nightjar.yaml", stringify(configuration));
  await guest.ask("nightjar validate --no-bundles --config /etc/nightjar/nightjar.yaml", 2 * MINUTE);
  await guest.ask("systemctl restart nightjar", 10 * MINUTE);
  await untilObjects("after the configuration was changed");
  await waitUntil("messages at the consumer", () => received > 0, MINUTE);
  ok(`${cameras} camera${cameras === 1 ? "" : "s"} of the demo with objects, messages at a broker outside`);
}

async function hang(): Promise<void> {
  for (const name of ["postprocess", "pipeline"]) {
    const pid = await guest.ask(`pgrep -o -f services/${name}/main`);
    const from = Date.now();
    await guest.ask(`kill -STOP ${pid}`);
    await guest.until(
      `another ${name} process`,
      `p=$(pgrep -n -f services/${name}/main) && [ $p != ${pid} ] && ! kill -0 ${pid}`,
      5 * MINUTE,
    );
    ok(`a ${name} process that hangs is replaced after ${seconds(Date.now() - from)}`);
    await untilObjects(`after the ${name} process was replaced`);
  }
  const pid = await guest.ask("systemctl show -p MainPID --value nightjar");
  const from = Date.now();
  await guest.ask(`kill -STOP ${pid}`);
  await guest.until(
    "another supervisor",
    `p=$(systemctl show -p MainPID --value nightjar); [ $p != 0 ] && [ $p != ${pid} ]`,
    3 * MINUTE,
  );
  const took = Date.now() - from;
  check(`a supervisor that hangs is restarted after ${seconds(took)} (figure: 25 s)`, took, took <= 25_000 * patience);
  await untilObjects("after the supervisor was restarted");
}

async function powerFailsWhileRecording(): Promise<void> {
  for (let cut = 1; cut <= cuts; cut++) {
    const file = `${DATA}/cut-${cut}.njrec`;
    await guest.ask(`nohup nightjar record ${demoCameras[0]!.id} -o ${file} --seconds 600 >/dev/null 2>&1 &`);
    await guest.until(
      "the recording to grow",
      `[ "$(stat -c %s ${file}* 2>/dev/null | sort -n | tail -1)" -gt 100000 ]`,
      4 * MINUTE,
    );
    await sleep(Math.random() * 5000);
    await guest.cutPower();
    guest = await Guest.boot(box);
    await soundness();
    await untilObjects("after the power failed");
    ok(`the power failed while it recorded (${cut} of ${cuts}): it came back by itself`);
  }
}

async function powerFailsWhileUpdating(): Promise<void> {
  const installed = async () => (await update()).channels.find(({ name }) => name === "street")?.installed;
  for (let cut = 1; cut <= cuts; cut++) {
    const version = `2.${cut}.0`;
    await repository.releaseOf(streetBundle(folder!, version), { channel: "street", probation: { durationMs: 5000 } });
    await guest.ask("nightjar update check --no-wait", MINUTE);
    await guest.until(
      "the update to be under way",
      'nightjar update status --json | grep -qE \'"state": ?"(downloading|verified|staged|probation)\'',
      3 * MINUTE,
    );
    await sleep(Math.random() * 20_000);
    // Each second time by the reset button: the emulator's disk stays, the machine starts at once.
    if (cut % 2 === 0) await guest.reset();
    else {
      await guest.cutPower();
      guest = await Guest.boot(box);
    }
    await soundness();
    await untilObjects("after the power failed");
    const found = await installed();
    ok(`the power failed while ${version} was brought in: it came back with ${found ?? "what it had"}`);
    await guest.ask("nightjar update check", 8 * MINUTE);
    const end = await installed();
    check(`and it has ${version} in the end`, end, end === version);
  }
}

async function powerOff(): Promise<void> {
  await guest.powerOff();
  ok("it powers off when it is asked to");
}

function nothingLost(): void {
  const streams = consumer.streams();
  const missing = streams.flatMap(({ gaps }) => gaps);
  check(`${received} messages at the consumer, none is missing without a report`, missing, missing.length === 0);
}

// --- all of it

async function prepare(): Promise<void> {
  rmSync(folder!, { recursive: true, force: true });
  mkdirSync(folder!, { recursive: true });
  copyFileSync(image!, box.disk);
  truncateSync(box.disk, DISK_MB * 1024 * 1024);
  const keep = ["persistence true", "persistence_location %d/", "max_queued_messages 0", "allow_anonymous true"];
  broker = await Mosquitto.start({ config: keep });
  consumer = new Consumer({ url: broker.url, topicPrefix: PREFIX, clientId: "outside" }, () => {
    received += 1;
  });
  await consumer.start();
  repository = await TestRepository.create();
  server = await StaticServer.start(repository.publicDirectory);
}

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  "the first start": firstStart,
  "a deployment": deploy,
  "processes that hang": hang,
  "power fails while it records": powerFailsWhileRecording,
  "power fails while it is updated": powerFailsWhileUpdating,
  "the end": powerOff,
};

async function end(): Promise<void> {
  await guest?.cutPower();
  await consumer?.stop();
  await server?.stop();
  await broker?.remove();
}

try {
  await prepare();
  for (const [title, part] of Object.entries(PARTS)) {
    console.log(`▸ ${title}`);
    await part();
  }
  nothingLost();
  console.log(`${passed} passed, 0 failed`);
} catch (error) {
  console.error(`✗ ${error instanceof Error ? error.message : String(error)}`);
  console.error(`the console of the machine: ${join(folder, "serial.log")}`);
  console.log(`${passed} passed, 1 failed`);
  process.exitCode = 1;
} finally {
  await end();
}
