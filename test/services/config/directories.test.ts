import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { defaultRuntimeDirectory, defaultStateDirectory } from "../../../services/config/directories.ts";

const folder = mkdtempSync(join(tmpdir(), "nightjar-directories-"));
afterAll(() => rmSync(folder, { recursive: true }));

const service = { configuration: join(folder, "etc"), runtime: join(folder, "run"), state: join(folder, "state") };
const file = join(service.configuration, "nightjar.yaml");

it("the service manager's directories go before all others", () => {
  const env = { STATE_DIRECTORY: "/a:/b", RUNTIME_DIRECTORY: "/c", XDG_STATE_HOME: "/d", XDG_RUNTIME_DIR: "/e" };
  expect([defaultStateDirectory(env, file, service), defaultRuntimeDirectory(env, file, service)]).toEqual([
    "/a",
    "/c",
  ]);
});

it("a command on the service's configuration means the service's directories, where there is one", () => {
  const env = { XDG_STATE_HOME: "/d", XDG_RUNTIME_DIR: "/e" };
  const both = (of?: string) => [defaultStateDirectory(env, of, service), defaultRuntimeDirectory(env, of, service)];
  expect(both(file)).toEqual(["/d/nightjar", "/e/nightjar"]);
  mkdirSync(service.state);
  expect(both(file)).toEqual([service.state, service.runtime]);
  expect(both(join(folder, "my.yaml"))).toEqual(["/d/nightjar", "/e/nightjar"]);
  expect(both()).toEqual(["/d/nightjar", "/e/nightjar"]);
});

it("otherwise they are the user's", () => {
  expect(defaultStateDirectory({})).toBe(join(homedir(), ".local/state/nightjar"));
  expect(defaultRuntimeDirectory({})).toBe(join(tmpdir(), `nightjar-${process.getuid?.()}`));
});
