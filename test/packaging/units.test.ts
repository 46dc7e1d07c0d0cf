import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const units = "rootfs/usr/lib/systemd/system";
const service = readFileSync(join(units, "nightjar.service"), "utf8");

/** Newer than some of the systems that we run on; they say so and go on. */
const NEWER = /Unknown key '(RestartSteps|RestartMaxDelaySec)'|Unknown key name '(RestartSteps|RestartMaxDelaySec)'/;

const valuesOf = (key: string) =>
  [...service.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value ?? "");

function run(command: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

describe("the units", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "nightjar-units-"));
    cpSync(units, folder, { recursive: true });
    // Programs that only an installed package has.
    for (const file of globSync(`${folder}/*.service`)) {
      writeFileSync(
        file,
        readFileSync(file, "utf8").replaceAll(/\/usr\/(bin\/nightjar|libexec\/nightjar\/\w+)/g, "/bin/true"),
      );
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("are ones that systemd understands", () => {
    const files = globSync(`${folder}/*`);
    expect(files.length).toBeGreaterThan(3);
    const { output } = run("systemd-analyze", "verify", "--man=no", ...files);
    const lines = output.split("\n").filter((line) => /nightjar/.test(line) && !NEWER.test(line));
    expect(lines).toEqual([]);
  });

  it("give the service few rights: 2.0 or less of 10", () => {
    const { output } = run(
      "systemd-analyze",
      "security",
      "--offline=yes",
      "--no-pager",
      join(folder, "nightjar.service"),
    );
    const [, level] = /Overall exposure level for nightjar\.service: ([\d.]+)/.exec(output) ?? [];
    expect(Number(level)).toBeLessThanOrEqual(2);
  });

  it("name programs and units that the package has", () => {
    const all = globSync(`${units}/*`)
      .map((file) => readFileSync(file, "utf8"))
      .join("\n");
    for (const [, program] of all.matchAll(/^Exec\w+=(\/usr\/libexec\/\S+)/gm))
      expect(globSync(`rootfs${program}`)).toHaveLength(1);
    for (const [, unit] of all.matchAll(/^(?:Unit|OnFailure)=(\S+)/gm))
      expect(globSync(`${units}/${unit}`)).toHaveLength(1);
  });
});

describe("the service", () => {
  it("is ready when it says so, and may say it by a child", () => {
    expect(valuesOf("Type")).toEqual(["notify"]);
    expect(valuesOf("NotifyAccess")).toEqual(["all"]);
  });

  it("is restarted within 25 s after it hangs, in the worst case", () => {
    const [watchdog, abort, restart] = ["WatchdogSec", "TimeoutAbortSec", "RestartSec"].map((key) =>
      Number(valuesOf(key)[0]),
    );
    expect(watchdog! + abort! + restart!).toBeLessThanOrEqual(25);
  });

  it("may write and execute memory, see cameras and the GPU, and no other device", () => {
    expect(valuesOf("MemoryDenyWriteExecute")).toEqual([]);
    expect(valuesOf("PrivateDevices")).toEqual([]);
    expect(valuesOf("DevicePolicy")).toEqual(["closed"]);
    expect(valuesOf("DeviceAllow")).toContain("char-video4linux rw");
  });

  it("finds each credential of its list on the disk, for systemd refuses to start without one", () => {
    const made = readFileSync("rootfs/usr/lib/tmpfiles.d/nightjar.conf", "utf8");
    const paths = valuesOf("LoadCredential").map((value) => value.split(":")[1]);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(made).toMatch(new RegExp(`^f\\s+${path}\\s+0600 root root`, "m"));
  });
});

it("users and directories are made in an empty root", () => {
  const root = mkdtempSync(join(tmpdir(), "nightjar-root-"));
  mkdirSync(join(root, "etc"));
  try {
    const sysusers = run(
      "systemd-sysusers",
      `--root=${root}`,
      join(process.cwd(), "rootfs/usr/lib/sysusers.d/nightjar.conf"),
    );
    expect(sysusers.status, sysusers.output).toBe(0);
    expect(readFileSync(join(root, "etc/group"), "utf8")).toMatch(/^video:.*nightjar$/m);
    const tmpfiles = run(
      "systemd-tmpfiles",
      "--create",
      `--root=${root}`,
      join(process.cwd(), "rootfs/usr/lib/tmpfiles.d/nightjar.conf"),
    );
    expect(tmpfiles.status, tmpfiles.output).toBe(0);
    expect(globSync(`${root}/etc/nightjar/credentials/*`)).toHaveLength(2);
  } finally {
    rmSync(root, { recursive: true });
  }
});

const scripts = globSync([
  "packaging/{postinst,prerm,postrm}",
  "packaging/image/{etc/kernel/postinst.d,usr/libexec/nightjar-image}/*",
  "rootfs/usr/{libexec/nightjar,sbin}/*",
]);
it.each(scripts)("%s is valid for sh", (file) => {
  expect(run("sh", "-n", file)).toEqual({ status: 0, output: "" });
});
