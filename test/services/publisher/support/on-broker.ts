/** Publishers and scripted brokers that end with the test that made them: a test file says `afterEach(cleanUp)`. */
import { objectsRecord, type Publishing, publishing } from "./publishing.ts";
import { type Script, ScriptedBroker } from "./scripted-broker.ts";

/** Done after the test, the last one first. */
export const cleanup: (() => unknown)[] = [];

export async function cleanUp(): Promise<void> {
  for (const clean of cleanup.splice(0).reverse()) await clean();
}

export async function scripted(script: Script): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(script);
  cleanup.push(() => broker.stop());
  return broker;
}

export async function publishTo(
  url: string,
  options: Parameters<typeof publishing>[0] = {},
  hooks: Parameters<typeof publishing>[1] = {},
): Promise<Publishing> {
  const running = publishing({ url, ...options }, hooks);
  cleanup.push(() => running.publisher.stop(0));
  await running.publisher.start();
  return running;
}

/** Objects of `count` frames, one message each. */
export async function publishFrames(running: Publishing, count: number): Promise<void> {
  for (let frame = 0; frame < count; frame++) await running.publisher.publishRecord(objectsRecord(frame), "gate");
}
