/**
 * A machine in QEMU that boots a disk image by its own boot loader, and a root shell on its serial console. The processor is
 * emulated (TCG), some twenty times slower than this one: limits in here are for that.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../support/wait.ts";

/** Of Debian's package ovmf. */
const FIRMWARE = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const FIRMWARE_STATE = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/** From power on to the login prompt. */
const BOOT_MS = 400_000;
/**
 * What answers in the guest: commands come by a port of their own, one line each, "<number> <base64>", and what they print goes
 * back in the same way. The serial console would do, but the kernel speaks on it too.
 */
const PORT = "nightjar.shell";
const RESPONDER = `exec 3<>/dev/virtio-ports/${PORT}
while IFS= read -r line <&3; do
  echo "\${line#* }" | base64 -d >/run/shell-ask
  bash /run/shell-ask </dev/null >/run/shell-answer 2>&1
  echo "<\${line%% *}:$?:$(base64 -w 0 /run/shell-answer)>" >&3
done`;

export interface GuestOptions {
  /** Raw image; it is written to. */
  readonly disk: string;
  /** For the sockets, the firmware's variables and serial.log. */
  readonly folder: string;
  /** MB. */
  readonly memory?: number;
  /** Multiplies the limits below, for a machine that does other things too. */
  readonly patience?: number;
}

export interface Result {
  readonly code: number;
  /** Standard output and errors. */
  readonly output: string;
}

export class Guest {
  readonly #options: GuestOptions;
  readonly #emulator: ChildProcess;
  readonly #ended: Promise<unknown>;
  #console: Socket | undefined;
  #shell: Socket | undefined;
  #said = "";
  #answered = "";
  #errors = "";
  #count = 0;

  private constructor(options: GuestOptions) {
    this.#options = options;
    this.#emulator = spawn("qemu-system-x86_64", argumentsFor(options), { stdio: ["ignore", "ignore", "pipe"] });
    this.#emulator.stderr?.on("data", (data) => (this.#errors += data));
    this.#ended = once(this.#emulator, "exit");
  }

  /** Power on; returns at the prompt of a root shell. */
  static async boot(options: GuestOptions): Promise<Guest> {
    const guest = new Guest(options);
    guest.#console = await guest.#connect("console.sock");
    guest.#console.on("data", (data) => (guest.#said += data.toString("latin1")));
    guest.#console.on("error", () => undefined);
    guest.#shell = await guest.#connect("shell.sock");
    guest.#shell.on("data", (data) => (guest.#answered += data.toString("latin1")));
    guest.#shell.on("error", () => undefined);
    await guest.#login();
    return guest;
  }

  /** Runs a shell command. @throws when it has not ended within the time */
  async run(command: string, timeoutMs = 120_000): Promise<Result> {
    const id = ++this.#count;
    this.#answered = "";
    this.#shell?.write(`${id} ${Buffer.from(command).toString("base64")}\n`);
    const pattern = new RegExp(`<${id}:(\\d+):([A-Za-z0-9+/=]*)>`);
    const [, code, output] = await this.#until(`the end of: ${command}`, () => pattern.exec(this.#answered), timeoutMs);
    return { code: Number(code), output: Buffer.from(output ?? "", "base64").toString("utf8") };
  }

  /** What a command prints, trimmed. @throws when it fails */
  async ask(command: string, timeoutMs?: number): Promise<string> {
    const { code, output } = await this.run(command, timeoutMs);
    if (code !== 0) throw new Error(`exit code ${code} in the guest: ${command}\n${output}`);
    return output.trim();
  }

  /** Waits until a command succeeds, and returns what it prints. */
  async until(what: string, command: string, timeoutMs: number): Promise<string> {
    const look = async (): Promise<string | undefined> => {
      const { code, output } = await this.run(command);
      if (code === 0) return output.trim();
      // The processor is the scarce thing in there.
      await sleep(2000);
      return undefined;
    };
    return await waitUntil(what, look, timeoutMs);
  }

  async write(file: string, text: string): Promise<void> {
    await this.ask(`cat >${file} <<'END-OF-FILE'\n${text}\nEND-OF-FILE`);
  }

  /** The plug is pulled: whatever the guest has not given to the disk is gone. */
  async cutPower(): Promise<void> {
    if (this.#emulator.exitCode !== null || this.#emulator.signalCode !== null) return;
    this.#disconnect();
    this.#emulator.kill("SIGKILL");
    await this.#ended;
  }

  /** The reset button: the machine starts again, the emulator goes on. */
  async reset(): Promise<void> {
    const monitor = await this.#connect("monitor.sock");
    this.#said = "";
    monitor.write("system_reset\n");
    await this.#login();
    monitor.destroy();
  }

  async powerOff(): Promise<void> {
    if (this.#emulator.exitCode !== null || this.#emulator.signalCode !== null) return;
    this.#shell?.write(`0 ${Buffer.from("systemctl poweroff").toString("base64")}\n`);
    const isOff = await Promise.race([this.#ended.then(() => true), sleep(120_000, false, { ref: false })]);
    this.#disconnect();
    if (!isOff) await this.cutPower();
    if (!isOff) throw new Error("the guest did not power off within 120 s");
  }

  async #login(): Promise<void> {
    await this.#until("the login prompt", () => /login: $/.exec(this.#said), BOOT_MS);
    this.#said = "";
    this.#type("root");
    await this.#until("the shell", () => /[#$] $/.exec(this.#said), 120_000);
    const responder = Buffer.from(RESPONDER).toString("base64");
    this.#type(
      `echo ${responder} | base64 -d >/run/shell; dmesg -n 1; systemd-run --unit=guest-shell --quiet bash /run/shell`,
    );
    await this.run("true", 60_000);
  }

  #disconnect(): void {
    this.#console?.destroy();
    this.#shell?.destroy();
  }

  #type(line: string): void {
    this.#console?.write(`${line}\n`);
  }

  async #until<T>(what: string, look: () => T | null, limitMs: number): Promise<T> {
    const timeoutMs = limitMs * (this.#options.patience ?? 1);
    return await waitUntil(
      what,
      () => {
        if (this.#emulator.exitCode !== null) throw new Error(`the emulator ended: ${this.#errors}`);
        return look() ?? undefined;
      },
      timeoutMs,
      () => `\nits console: …${this.#said.slice(-2000)}`,
    );
  }

  async #connect(name: string): Promise<Socket> {
    return await waitUntil(`the emulator's ${name}`, async () => {
      if (this.#emulator.exitCode !== null) throw new Error(`the emulator did not start: ${this.#errors}`);
      const socket = connect(join(this.#options.folder, name));
      return await new Promise<Socket | undefined>((done) => {
        socket.once("connect", () => done(socket));
        socket.once("error", () => done(undefined));
      });
    });
  }
}

function argumentsFor({ disk, folder, memory = 2560 }: GuestOptions): string[] {
  const variables = join(folder, "firmware-state.fd");
  copyFileSync(FIRMWARE_STATE, variables);
  for (const name of ["console.sock", "shell.sock", "monitor.sock"]) rmSync(join(folder, name), { force: true });
  const socket = (id: string) => `socket,id=${id},path=${join(folder, `${id}.sock`)},server=on,wait=off`;
  return [
    ...["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", String(memory)],
    ...["-nodefaults", "-display", "none", "-rtc", "base=utc"],
    ...["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${FIRMWARE}`],
    ...["-drive", `if=pflash,unit=1,format=raw,file=${variables}`],
    ...["-drive", `if=none,id=disk,format=raw,file=${disk}`, "-device", "virtio-blk-pci,drive=disk,bootindex=1"],
    ...["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="],
    ...["-device", "virtio-rng-pci"],
    ...[
      "-chardev",
      `${socket("console")},logfile=${join(folder, "serial.log")},logappend=on`,
      "-serial",
      "chardev:console",
    ],
    ...[
      "-device",
      "virtio-serial-pci",
      "-chardev",
      socket("shell"),
      "-device",
      `virtserialport,chardev=shell,name=${PORT}`,
    ],
    ...["-chardev", socket("monitor"), "-mon", "chardev=monitor,mode=readline"],
  ];
}
