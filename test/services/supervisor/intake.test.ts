/** From the pipeline's pipe to the broker: what is taken, and what is said of records that never came. */
import { PassThrough } from "node:stream";
import { pino } from "pino";
import { afterEach, expect, it } from "vitest";
import { EventHub } from "../../../services/control/event-hub.ts";
import { Pictures } from "../../../services/control/pictures.ts";
import { encodeRecord, KIND } from "../../../services/publisher/record.ts";
import { intake } from "../../../services/supervisor/intake.ts";
import { LiveModel } from "../../../services/supervisor/live-model.ts";
import { routeRecords } from "../../../services/supervisor/payload-router.ts";
import { waitUntil } from "../../support/wait.ts";
import { cleanUp, publishTo, scripted } from "../publisher/support/on-broker.ts";

afterEach(cleanUp);

it("announces records that were dropped, with the next record or at the end, as lost", async () => {
  const broker = await scripted({});
  const { publisher } = await publishTo(broker.url);
  const model = new LiveModel(5000, () => 0);
  const parts = {
    model,
    publisher,
    news: new EventHub(),
    pictures: new Pictures(() => undefined),
    log: pino({ level: "silent" }),
  };
  const pipe = new PassThrough();
  routeRecords(
    [pipe],
    intake(parts, () => undefined),
  );
  const payload = Buffer.from("{}");
  pipe.write(encodeRecord({ kind: KIND.objects, sequence: 1n, payload }));
  pipe.write(encodeRecord({ kind: KIND.objects, sequence: 6n, dropped: 4, payload }));
  pipe.write(encodeRecord({ kind: KIND.drops, sequence: 8n, dropped: 2, payload: Buffer.alloc(0) }));
  const losses = () => broker.messages.filter(({ topic }) => topic.endsWith("/loss"));
  const counted = () => losses().reduce((sum, { payload: text }) => sum + JSON.parse(text.toString()).count, 0);
  await waitUntil("the loss reports", () => counted() >= 6);
  expect(counted()).toBe(6);
  expect(JSON.parse(losses()[0]!.payload.toString())).toMatchObject({ stage: "pipeline", reason: "reader-too-slow" });
});
