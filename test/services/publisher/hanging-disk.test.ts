/** A disk that gives no answer when the outbox is opened: Nightjar starts, says so, and can be ended. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { waitUntil } from "../../support/wait.ts";
import { add, drain, openBox, sequences, temporaryDirectory } from "./support/boxes.ts";
import { cleanUp, cleanup } from "./support/on-broker.ts";

afterEach(cleanUp);

/** SQLite looks for a journal before it uses the file; reading one that is a named pipe takes until somebody writes. */
async function hangingDirectory(): Promise<{ readonly path: string; answer(): void }> {
  const directory = temporaryDirectory();
  cleanup.push(directory.remove);
  const { outbox } = await openBox({ directory: directory.path });
  await add(outbox, 3);
  await outbox.close();
  const journal = join(directory.path, "outbox.db-journal");
  execFileSync("mkfifo", [journal]);
  const answer = () => {
    const pipe = openSync(journal, "r+");
    rmSync(journal);
    closeSync(pipe);
  };
  return { path: directory.path, answer };
}

it("starts without waiting for the disk, says that it hangs, and uses it when it answers", async () => {
  const directory = await hangingDirectory();
  const begin = performance.now();
  const { outbox, problems, losses } = await openBox({ directory: directory.path });
  cleanup.push(() => outbox.close(500));
  expect(performance.now() - begin).toBeLessThan(10_000);
  expect(problems).toEqual([expect.stringMatching(/does not work \(no answer within 5 s\): the disk hangs; check it/)]);
  outbox.online();
  expect(await add(outbox, 2)).toMatchObject([{ kept: true }, { kept: true }]);
  const { epoch } = outbox;
  expect(sequences(outbox.take(1))).toEqual([1]);
  directory.answer();
  await waitUntil(
    "the disk",
    () => problems.at(-1) === "",
    20_000,
    () => problems.join("; "),
  );
  expect(outbox.epoch).not.toBe(epoch);
  // What waited in memory has lost nothing of its time, whatever the clock of the store says.
  expect(sequences(await drain(outbox)).toSorted()).toEqual([1, 2, 2, 3]);
  expect(losses.size).toBe(0);
}, 30_000);

it("lets the process end while the disk hangs", async () => {
  const { path } = await hangingDirectory();
  const child = spawn(process.execPath, [new URL("support/hanging.ts", import.meta.url).pathname, path]);
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const begin = performance.now();
  const late = setTimeout(() => child.kill("SIGQUIT"), 20_000);
  const [code, signal] = await exited;
  clearTimeout(late);
  // Its thread cannot be ended in order; see StoreClient.close().
  expect([code, signal]).toEqual([null, "SIGKILL"]);
  expect(performance.now() - begin).toBeLessThan(15_000);
}, 30_000);
