/** Colours and widths of terminal text. */

/** Paints text, or leaves it alone when colours are off. */
export interface Palette {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly accent: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly head: (text: string) => string;
}

const paint = (code: string) => (text: string) => (text === "" ? "" : `\u001b[${code}m${text}\u001b[0m`);
const plain = (text: string) => text;

const COLORS: Palette = {
  bold: paint("1"),
  dim: paint("2"),
  accent: paint("38;5;80"),
  good: paint("38;5;114"),
  warn: paint("38;5;221"),
  bad: paint("1;38;5;203"),
  head: paint("38;5;245"),
};

const NO_COLORS: Palette = {
  bold: plain,
  dim: plain,
  accent: plain,
  good: plain,
  warn: plain,
  bad: plain,
  head: plain,
};

export function palette(color: boolean): Palette {
  return color ? COLORS : NO_COLORS;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character.
const ESCAPES = /(\u001b\[[0-9;]*m)/g;

/** Characters that take two columns: East Asian wide ones and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const COMBINING = /\p{Mn}|\u200d|\ufe0f/u;

/** Columns that a text takes; escape sequences take none. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text.replaceAll(ESCAPES, "")) width += characterWidth(character);
  return width;
}

/** Cuts a text without escape sequences to so many columns, with an ellipsis where something is missing. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return columns <= 0 ? "" : `${kept}…`;
}

/** Cuts or pads to exactly so many columns. */
export function cell(text: string, columns: number, align: "left" | "right" = "left"): string {
  const short = cut(text, columns);
  const space = " ".repeat(Math.max(0, columns - widthOf(short)));
  return align === "left" ? short + space : space + short;
}

/** Cuts a painted line to so many columns, keeping its colours whole. */
export function clip(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  let out = "";
  let width = 0;
  for (const part of line.split(ESCAPES)) {
    if (part.startsWith("\u001b")) {
      out += part;
      continue;
    }
    const room = columns - width;
    if (room <= 0) continue;
    const piece = cut(part, room);
    out += piece;
    width += widthOf(piece);
  }
  return out;
}

/** A log line may hold anything: what moves the cursor or rings the bell is taken out. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, " ");
}

function characterWidth(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
