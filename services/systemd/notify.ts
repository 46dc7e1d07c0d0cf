/**
 * What a service says to systemd (Type=notify). The package systemd-notify says "ready" and the status line; it knows no other
 * messages, so those go through the program that it wraps, called in the same way. Both are children of the service, hence
 * NotifyAccess=all in the unit.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import notify from "systemd-notify";
import { messageOf } from "../log/errors.ts";

const run = promisify(execFile);

/** Longer than the program itself waits for systemd to have read a message (5 s). */
const PATIENCE_MS = 8000;
/** The line is for one row of `systemctl status`. Characters. */
const STATUS_LENGTH = 200;

type Environment = Readonly<Record<string, string | undefined>>;

export class ServiceManager {
  /** systemd restarts the service when it hears nothing for this long, milliseconds; undefined: it does not watch. */
  readonly watchdogMs: number | undefined;
  readonly #onTrouble: (message: string) => void;
  #isTroubled = false;

  /** @param onTrouble told once for each time of trouble: nothing here ever throws, for a lost message must not end the service */
  constructor(env: Environment, onTrouble: (message: string) => void) {
    this.#onTrouble = onTrouble;
    this.watchdogMs = watchdogOf(env);
  }

  /** Whether systemd started this process and listens. */
  static listens(env: Environment = process.env): boolean {
    return (env.NOTIFY_SOCKET ?? "") !== "";
  }

  /** The service does its work. */
  ready(status: string): Promise<void> {
    return this.#say(() => notify({ ready: true, status: oneLine(status) }));
  }

  /** The line that `systemctl status` shows. */
  status(text: string): Promise<void> {
    return this.#say(() => notify({ status: oneLine(text) }));
  }

  /** The service makes progress. */
  alive(): Promise<void> {
    return this.#send("WATCHDOG=1");
  }

  /** Not ready yet, and on the way: systemd waits for so long from now, milliseconds. */
  stillStarting(ms: number): Promise<void> {
    return this.#send(`EXTEND_TIMEOUT_USEC=${Math.round(ms * 1000)}`);
  }

  /** The service ends by itself or because it was asked to. */
  stopping(): Promise<void> {
    return this.#send("STOPPING=1");
  }

  #send(message: string): Promise<void> {
    return this.#say(() => run("systemd-notify", [message], { timeout: PATIENCE_MS }));
  }

  async #say(call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
      this.#isTroubled = false;
    } catch (error) {
      if (!this.#isTroubled) this.#onTrouble(`systemd could not be told how the service is: ${messageOf(error)}`);
      this.#isTroubled = true;
    }
  }
}

/** The time is meant for the process that systemd started, not for children that inherit the environment. */
function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: Environment): number | undefined {
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return undefined;
  const ms = Number(WATCHDOG_USEC) / 1000;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > STATUS_LENGTH ? `${line.slice(0, STATUS_LENGTH - 1)}…` : line;
}
