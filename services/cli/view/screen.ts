/**
 * Paints lines on a terminal without flicker: only lines that changed are written, in one piece, between the marks that make the
 * terminal show them together. What was on the screen before comes back at the end, whatever the end is.
 */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const BEGIN_FRAME = "\u001b[?2026h";
const END_FRAME = "\u001b[?2026l";
const CLEAR = "\u001b[2J";
const CLEAR_TO_END = "\u001b[K";

/** Whether there is a terminal that understands what a Screen writes; TERM=dumb (editors, serial lines) does not. */
export function canPaint(out: { readonly isTTY?: boolean }, term = process.env.TERM): boolean {
  return out.isTTY === true && term !== "dumb";
}

export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #restore = () => this.close();
  #shown: readonly string[] | undefined;
  #open = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  get columns(): number {
    return this.#out.columns ?? 80;
  }
  get rows(): number {
    return this.#out.rows ?? 24;
  }

  open(): void {
    this.#open = true;
    this.#out.write(ENTER);
    process.once("exit", this.#restore);
  }

  /** Shows these lines from the top; those below are empty. */
  paint(lines: readonly string[]): void {
    if (!this.#open) return;
    const changed = frameText(this.#shown, lines);
    this.#shown = [...lines];
    if (changed !== "") this.#out.write(BEGIN_FRAME + changed + END_FRAME);
  }

  /** The size has changed, or something else wrote on the screen: the next frame is painted whole. */
  forget(): void {
    this.#shown = undefined;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off("exit", this.#restore);
    this.#out.write(LEAVE);
  }
}

/** What has to be written to get from one frame to the next; all of it when there was none. */
export function frameText(shown: readonly string[] | undefined, lines: readonly string[]): string {
  const rows = Math.max(lines.length, shown?.length ?? 0);
  let text = shown === undefined ? CLEAR : "";
  for (let row = 0; row < rows; row++) {
    const line = lines[row] ?? "";
    if (shown !== undefined && (shown[row] ?? "") === line) continue;
    text += `\u001b[${row + 1};1H${line}${CLEAR_TO_END}`;
  }
  return text;
}
