/** The live view of `nightjar run` on a terminal: repaints, listens to keys and to changes of size. */
import type { Status } from "../../supervisor/status.ts";
import type { Terminal } from "../command.ts";
import { renderView } from "./render.ts";
import { Screen } from "./screen.ts";

const REPAINT_MS = 250;
const HISTORY_MS = 1000;
const HISTORY = 60;
const LOG_LINES = [6, 1000] as const;

export interface LiveViewOptions {
  readonly terminal: Terminal;
  readonly status: () => Status;
  readonly durationMs: number | undefined;
  /** The person wants to end it (q or Ctrl-C, which comes as a key in raw mode). */
  readonly onQuit: () => void;
}

export class LiveView {
  readonly #options: LiveViewOptions;
  readonly #screen: Screen;
  readonly #color = process.env.NO_COLOR === undefined || process.env.NO_COLOR === "";
  readonly #history = new Map<string, number[]>();
  readonly #onKey = (key: Buffer) => this.#key(key.toString("utf8"));
  readonly #onResize = () => {
    this.#screen.forget();
    this.#paint();
  };
  #timers: NodeJS.Timeout[] = [];
  #logLines: number = LOG_LINES[0];
  #stopping = false;

  constructor(options: LiveViewOptions) {
    this.#options = options;
    this.#screen = new Screen(options.terminal.stdout);
  }

  open(): void {
    const { stdin, stdout } = this.#options.terminal;
    this.#screen.open();
    if (stdin.isTTY) {
      stdin.setRawMode(true);
      stdin.resume();
      stdin.on("data", this.#onKey);
    }
    stdout.on("resize", this.#onResize);
    this.#timers = [setInterval(() => this.#paint(), REPAINT_MS), setInterval(() => this.#remember(), HISTORY_MS)];
    this.#paint();
  }

  /** Says that the end has begun. */
  stopping(): void {
    this.#stopping = true;
    this.#paint();
  }

  close(): void {
    const { stdin, stdout } = this.#options.terminal;
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    stdout.off("resize", this.#onResize);
    if (stdin.isTTY) {
      stdin.off("data", this.#onKey);
      stdin.setRawMode(false);
      stdin.pause();
    }
    this.#screen.close();
  }

  #paint(): void {
    const lines = renderView(this.#options.status(), {
      // Not the last column: clearing to the end of a line that is full would take its last character.
      columns: this.#screen.columns - 1,
      rows: this.#screen.rows,
      color: this.#color,
      logLines: this.#logLines,
      keys: true,
      history: this.#history,
      durationMs: this.#options.durationMs,
      stopping: this.#stopping,
    });
    this.#screen.paint(lines);
  }

  #remember(): void {
    for (const { id, fps } of this.#options.status().cameras) {
      const values = this.#history.get(id) ?? [];
      values.push(fps);
      this.#history.set(id, values.slice(-HISTORY));
    }
  }

  #key(key: string): void {
    if (key === "q" || key === "\u0003") this.#options.onQuit();
    if (key === "l") this.#logLines = this.#logLines === LOG_LINES[0] ? LOG_LINES[1] : LOG_LINES[0];
    if (key === "r") this.#screen.forget();
    this.#paint();
  }
}
