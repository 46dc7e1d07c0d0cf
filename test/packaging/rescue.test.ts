import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nightjar-rescue-"));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "state"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The programs of the system: what they are asked goes to a file. */
function program(name: string, body: string): void {
  const file = join(folder, "bin", name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>${folder}/asked\n${body}\n`);
  chmodSync(file, 0o755);
}

function rescue(code: number, mode = "retry") {
  program("systemctl", `case $* in *ExecMainStatus*) echo ${code} ;; *Result*) echo exit-code ;; esac`);
  program("journalctl", "echo the last words");
  const env = { PATH: `${folder}/bin:/usr/bin:/bin`, STATE_DIRECTORY: join(folder, "state"), NIGHTJAR_RESCUE: mode };
  const { status, stdout, stderr } = spawnSync("rootfs/usr/libexec/nightjar/rescue", { env, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return { said: stdout, asked: readFileSync(join(folder, "asked"), "utf8") };
}

it("writes down what was the matter, and tries again later", () => {
  const { asked, said } = rescue(1);
  const [report] = globSync(`${folder}/state/*.txt`);
  expect(readFileSync(report as string, "utf8")).toContain("the last words");
  expect(said).toContain("exit code 1");
  expect(asked).toContain("systemctl start nightjar-retry.timer");
  expect(asked).not.toContain("reboot");
});

it.each([2, 3])("neither tries again nor reboots when the input is wrong (exit code %i)", (code) => {
  const { asked, said } = rescue(code, "reboot");
  expect(asked).not.toMatch(/retry|reboot/);
  expect(said).toContain("the configuration is wrong");
});

it("reboots where that is wanted, but not twice in six hours", () => {
  expect(rescue(134, "reboot").asked).toContain("systemctl reboot");
  rmSync(join(folder, "asked"));
  const second = rescue(134, "reboot").asked;
  expect(second).not.toContain("systemctl reboot");
  expect(second).toContain("systemctl start nightjar-retry.timer");
});

it("reboots again after six hours, and after a clock that was set back", () => {
  for (const last of [Date.now() / 1000 - 21_700, Date.now() / 1000 + 86_400]) {
    writeFileSync(join(folder, "state/last-reboot"), String(Math.floor(last)));
    rmSync(join(folder, "asked"), { force: true });
    expect(rescue(134, "reboot").asked).toContain("systemctl reboot");
  }
});

it("keeps ten reports", () => {
  for (let day = 10; day < 25; day++) writeFileSync(join(folder, `state/202601${day}T000000Z.txt`), "old");
  rescue(1);
  expect(globSync(`${folder}/state/*.txt`)).toHaveLength(10);
  expect(existsSync(join(folder, "state/20260110T000000Z.txt"))).toBe(false);
});
