/** A machine of its own: a network namespace with a cable to this one, which can be cut. Wants root and ip(8). */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";

let next = 0;

/** Why there can be none here; undefined when there can. */
export function cannotMakeNetworks(): string | undefined {
  try {
    const probe = `nj-probe-${process.pid}`;
    const quietly = { stdio: "ignore", env: environment() } as const;
    execFileSync("ip", ["netns", "add", probe], quietly);
    try {
      execFileSync(...inside(probe, "true"), quietly);
    } finally {
      execFileSync("ip", ["netns", "del", probe], quietly);
    }
    return undefined;
  } catch {
    return "network namespaces cannot be made";
  }
}

export class FarMachine {
  readonly #name: string;
  readonly #near: string;
  /** Its address on the cable, and ours. */
  readonly address: string;
  readonly ourAddress: string;

  constructor() {
    const number = (process.pid % 200) + 20;
    next += 1;
    this.#name = `nj-${process.pid}-${next}`;
    this.#near = `njv${process.pid % 10_000}n${next}`;
    const far = `${this.#near}f`;
    this.ourAddress = `10.${number}.${next}.1`;
    this.address = `10.${number}.${next}.2`;
    ip("netns", "add", this.#name);
    ip("link", "add", this.#near, "type", "veth", "peer", "name", far, "netns", this.#name);
    ip("addr", "add", `${this.ourAddress}/24`, "dev", this.#near);
    ip("link", "set", this.#near, "up");
    this.#inside("ip", "addr", "add", `${this.address}/24`, "dev", far);
    this.#inside("ip", "link", "set", far, "up");
    this.#inside("ip", "link", "set", "lo", "up");
  }

  /** Runs a program there. */
  spawn(program: string, ...args: string[]): ChildProcess {
    return spawn(...inside(this.#name, program, ...args), { stdio: "ignore", env: environment() });
  }

  /** Pulls the plug: nobody is told, packets just do not arrive. */
  cut(): void {
    ip("link", "set", this.#near, "down");
  }

  mend(): void {
    ip("link", "set", this.#near, "up");
  }

  /** Throws away what comes to a port there, without a word: a firewall, or a connection that only one side knows of. */
  swallow(port: number): void {
    this.#inside("nft", "add table ip nj; add chain ip nj in { type filter hook input priority 0 ; }");
    this.#inside("nft", `add rule ip nj in tcp dport ${port} drop`);
  }

  letThrough(): void {
    this.#inside("nft", "delete table ip nj");
  }

  remove(): void {
    ip("netns", "del", this.#name);
  }

  #inside(program: string, ...args: string[]): void {
    execFileSync(...inside(this.#name, program, ...args), {
      stdio: ["ignore", "ignore", "pipe"],
      env: environment(),
    });
  }
}

/** Not `ip netns exec`: it wants to mount /sys anew, which a chroot does not let it. */
function inside(name: string, program: string, ...args: string[]): [string, string[]] {
  return ["nsenter", [`--net=/run/netns/${name}`, program, ...args]];
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"], env: environment() });
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
}
