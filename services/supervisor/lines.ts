import type { Readable } from "node:stream";

/** A line without an end is cut here, so that a runaway writer cannot fill our memory. Characters. */
const MAX_LINE = 4096;

/** Calls back for each line that is not empty. */
export function forEachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("error", () => {});
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) {
      lines.push(rest);
      rest = "";
    }
    for (const line of lines) emit(line);
  });
  stream.on("end", () => emit(rest));

  function emit(line: string): void {
    const text = line.trimEnd().slice(0, MAX_LINE);
    if (text !== "") onLine(text);
  }
}
