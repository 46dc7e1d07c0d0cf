import { describe, expect, it } from "vitest";
import { renderView } from "../../../../services/cli/view/render.ts";
import { widthOf } from "../../../../services/cli/view/style.ts";
import { camera, status } from "./status.ts";

const ESC = "\u001b[";
const SIZE = { columns: 110, rows: 24, color: false, logLines: 6, keys: true };

describe("the terminal view", () => {
  it("shows cameras, processes, broker, console, log and keys", () => {
    const history = new Map([["gate", [0, 7.5, 15]]]);
    expect(renderView(status(), { ...SIZE, history }).map((line) => line.trimEnd())).toEqual([
      " ◗ Nightjar 0.1.0  Box  portable · GStreamer 1.22.0  up 00:01:23",
      " console http://127.0.0.1:8080/",
      " broker  ● mqtt://127.0.0.1:1883 (embedded)  1 234 sent, 1 230 acknowledged, 4 waiting 14.8/s",
      "",
      " CAMERA           STATE        FPS                p50    p99  EV/s   IDS  OBJECTS",
      " Gate             ● playing   15.0          ▁▅█    42     88   0.2    37  car 2  person 1  #12 #14 #15",
      " Yard             ✖ starved    0.0                 42     88   0.2    37  –",
      "   └ no data from the camera for 6.0 s",
      " all              1/2         15.0                 42     88   0.4    74  3",
      "",
      " inference ● street 1.0.0 8.1 ms + 0.2 ms",
      "",
      " PROCESS          STATE          PID    CPU   MEMORY  RESTARTS",
      " supervisor       ● running      100    4 %    88 MB         0",
      " pipeline         ◌ waiting        –      –        –         2  was killed by SIGSEGV",
      "",
      " LOG",
      " 12:03:45.120 warn  camera is starved",
      "",
      "",
      "",
      "",
      "",
      " q quit   l more or less log   r redraw",
    ]);
  });

  it.each([
    [110, 24],
    [60, 10],
    [20, 3],
    [1, 1],
    [400, 100],
  ])("fits into %d columns and %d rows, with and without colours", (columns, rows) => {
    for (const color of [true, false]) {
      const lines = renderView(status(), { ...SIZE, columns, rows, color });
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    }
  });

  it("ends every line without a colour that runs on", () => {
    for (const columns of [10, 37, 64, 110]) {
      for (const line of renderView(status(), { ...SIZE, columns, color: true })) {
        const last = line.split(ESC).at(-1) ?? "";
        if (line.includes(ESC)) expect(last.slice(0, 2)).toBe("0m");
      }
    }
  });

  it("says how a camera is added when there is none", () => {
    const text = renderView(status({ cameras: [] }), SIZE).join("\n");
    expect(text).toContain("no cameras; add one with: nightjar camera add ID URI");
  });

  it("says why the broker is not connected", () => {
    const broker = { ...status().broker, state: "disconnected" as const, reason: "connection refused" };
    expect(renderView(status({ broker }), SIZE)[2]).toContain("disconnected connection refused");
  });

  it("keeps columns straight under names of any script, and shows no control characters", () => {
    const names = ["Ünïcode", "北門", "bell\u0007\u001b[2J", "a very long name of a camera"];
    const lines = renderView(status({ cameras: names.map((name, i) => camera({ id: String(i), name })) }), SIZE);
    const rows = lines.slice(5, 9);
    expect(rows.map((row) => widthOf(row.slice(0, row.indexOf("●"))))).toEqual([18, 18, 18, 18]);
    expect(rows.join("")).not.toMatch(/\p{Cc}/u);
  });

  it("says that a second Ctrl-C ends it at once while it stops", () => {
    expect(renderView(status(), { ...SIZE, stopping: true }).at(-1)).toBe(" stopping …  Ctrl-C again ends it at once");
  });

  it("counts down when it ends by itself", () => {
    expect(renderView(status(), { ...SIZE, durationMs: 120_000 })[0]).toContain("up 00:01:23 of 00:02:00");
  });
});
