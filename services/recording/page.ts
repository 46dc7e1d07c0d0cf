// A replay as one HTML page: the numbers, and frames with the boxes of both sides drawn. Nothing from elsewhere, no script.

import { differs, type FrameDiff } from "./diff.ts";
import { png } from "./png.ts";
import { RecordingReader } from "./reader.ts";
import { type EventView, type ObjectView, readFrame } from "./records.ts";
import type { Session } from "./session.ts";

/** Frames with a difference that are shown; and of those without one, when there is no other. */
const MOST_DIFFERING = 80;
const MOST_SAME = 24;

/** `file`: of the recording, for its pictures. */
export function sessionPage(session: Session, file: string): string {
  const { stream, a, b, report } = session;
  const differing = session.frames.filter(differs);
  const shown = differing.length > 0 ? spread(differing, MOST_DIFFERING) : spread(session.frames, MOST_SAME);
  const pictures = picturesOf(file, new Set(shown.map(keyOf)));
  const title = `${b} against ${a}: ${stream.camera}`;
  const what =
    differing.length > 0
      ? `${differing.length} of ${report.frames} frames differ${shown.length < differing.length ? `; ${shown.length} of them, evenly spread` : ""}`
      : `No frame differs. ${shown.length} of them:`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(summaryLine(session))}</p>
${session.warnings.map((text) => `<p class="warning">${escapeHtml(text)}</p>`).join("\n")}
${classTable(session)}
${eventTable(session)}
<h2>${escapeHtml(what)}</h2>
${timeline(session.frames, new Set(shown))}
<p class="key"><span class="both">found by both</span> <span class="a">only ${escapeHtml(a)}</span> <span class="b">only ${escapeHtml(b)}</span></p>
<main>
${shown.map((diff) => figure(diff, session, pictures.get(keyOf(diff)))).join("\n")}
</main>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --both: #16a34a; --a: #2563eb; --b: #ea580c; --line: #8884; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 78rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { border-bottom: 1px solid var(--line); padding: .2rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); }
figure { border: 1px solid var(--line); border-radius: .4rem; margin: 0; overflow: hidden; scroll-margin-top: 1rem; }
figure:target { grid-column: 1 / -1; outline: 2px solid var(--b); } figure a { color: inherit; text-decoration: none; }
.timeline { background: none; height: 3.5rem; } .timeline rect { fill: var(--b); stroke: none; } .timeline .base { fill: var(--line); }
svg { background: #333; display: block; width: 100%; } figcaption { font-size: .85rem; padding: .4rem .7rem; }
rect { fill: none; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
.both rect { pointer-events: all; stroke: var(--both); stroke-width: 1.5; } .a rect { stroke: var(--a); stroke-dasharray: 6 4; } .b rect { stroke: var(--b); }
figure text { fill: #fff; paint-order: stroke; stroke: #000a; stroke-width: .2em; }
.key span { border-left: .8rem solid; margin-right: 1rem; padding-left: .4rem; }
span.both { border-color: var(--both); } span.a { border-color: var(--a); } span.b { border-color: var(--b); }
.warning { color: var(--b); }
`;

function summaryLine({
  stream,
  report,
  framesPerSecond,
  timesRealTime,
  medianUs,
  p99Us,
  failed,
  dropped,
  unpaired,
}: Session): string {
  const parts = [
    `${report.frames} frames of ${stream.camera} (${stream.element}, ${stream.bundle.name} ${stream.bundle.version})`,
    `${percent(report.agreement)} of the objects agree`,
    `${report.identical} frames are the same to the last bit`,
    ...(framesPerSecond > 0
      ? [
          `${Math.round(framesPerSecond)} frames/s${timesRealTime > 0 ? ` (${timesRealTime.toFixed(1)} × real time)` : ""}`,
          `module ${Math.round(medianUs)} µs, p99 ${Math.round(p99Us)} µs a frame`,
        ]
      : []),
    ...(unpaired > 0 ? [`${unpaired} frames are not in the other recording`] : []),
    ...(failed > 0 ? [`${failed} frames failed`] : []),
    ...(dropped > 0 ? [`${dropped} frames were left out of the recording`] : []),
  ];
  return `${parts.join(" · ")}.`;
}

function classTable({ report, a, b }: Session): string {
  const rows = report.classes.map(({ label, a: first, b: second, matched, iou }) => {
    return [label, String(first), String(second), String(matched), matched > 0 ? iou.toFixed(3) : ""];
  });
  return rows.length === 0 ? "" : htmlTable(["class", a, b, "both", "mean IoU"], rows);
}

function eventTable({ report, a, b }: Session): string {
  const rows = report.events.map(({ type, both, onlyA, onlyB }) => [type, String(both), String(onlyA), String(onlyB)]);
  return rows.length === 0 ? "" : htmlTable(["event", "both", `only ${a}`, `only ${b}`], rows);
}

function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>\n${line(head, "th")}\n${rows.map((row) => line(row, "td")).join("\n")}\n</table>`;
}

/** A bar for each frame, as high as there are differences in it; those that are shown lead to their picture. */
function timeline(frames: readonly FrameDiff[], shown: ReadonlySet<FrameDiff>): string {
  const counts = frames.map(differences);
  const most = counts.reduce((high, count) => Math.max(high, count), 0);
  if (most === 0) return "";
  const bars = counts.map((count, i) => {
    if (count === 0) return "";
    const height = Math.max(6, (count / most) * 100).toFixed(0);
    const bar = `<rect x="${i}" y="${100 - Number(height)}" width="1" height="${height}"><title>frame ${frames[i]!.frame.number}: ${count}</title></rect>`;
    return shown.has(frames[i]!) ? `<a href="#${anchorOf(frames[i]!)}">${bar}</a>` : bar;
  });
  const base = `<rect class="base" y="99" width="${frames.length}" height="1"/>`;
  return `<svg class="timeline" viewBox="0 0 ${frames.length} 100" preserveAspectRatio="none" role="img" aria-label="differences of each frame, at most ${most}">${base}${bars.join("")}</svg>`;
}

function differences({ a, b, pairs, onlyA, onlyB }: FrameDiff): number {
  return a.length + b.length - 2 * pairs.length + onlyA.length + onlyB.length;
}

function anchorOf({ frame }: FrameDiff): string {
  return `f${frame.number}-${frame.capture}`;
}

function figure(diff: FrameDiff, { labels, a, b }: Session, picture: string | undefined): string {
  const { frame, pairs } = diff;
  const pairedA = new Set(pairs.map((pair) => pair.a));
  const pairedB = new Set(pairs.map((pair) => pair.b));
  const both = diff.b.filter((_, i) => pairedB.has(i));
  const missing = diff.a.filter((_, i) => !pairedA.has(i));
  const extra = diff.b.filter((_, i) => !pairedB.has(i));
  const size = Math.max(12, Math.round(frame.height / 40));
  // Where nothing differs the boxes of both are what there is to read; else their names would hide what does.
  const isSame = missing.length + extra.length === 0;
  const draw = (objects: readonly ObjectView[], css: string, named: boolean) =>
    objects.length === 0
      ? ""
      : `<g class="${css}">${objects.map((object) => box(object, labels, named ? size : 0)).join("")}</g>`;
  const image = picture
    ? `<image width="${frame.width}" height="${frame.height}" preserveAspectRatio="none" href="${picture}"/>`
    : "";
  const groups = draw(both, "both", isSame) + draw(missing, "a", true) + draw(extra, "b", true);
  const notes = [
    `${both.length} by both`,
    ...(missing.length > 0 ? [`${missing.length} only ${a}`] : []),
    ...(extra.length > 0 ? [`${extra.length} only ${b}`] : []),
    ...diff.onlyA.map((event) => `event ${eventText(event)}: only ${a}`),
    ...diff.onlyB.map((event) => `event ${eventText(event)}: only ${b}`),
  ];
  const id = anchorOf(diff);
  const caption = `<a href="#${id}">frame ${frame.number}</a> · ${escapeHtml(notes.join(" · "))}`;
  const drawing = `<svg viewBox="0 0 ${frame.width} ${frame.height}" role="img">${image}${groups}</svg>`;
  return `<figure id="${id}"><a href="#${id}">${drawing}</a><figcaption>${caption}</figcaption></figure>`;
}

/** `size` of its name in pixels of the frame; 0: the name is shown when one points at it. */
function box(
  { left, top, width, height, angle, classId, confidence, id }: ObjectView,
  labels: readonly string[],
  size: number,
): string {
  const round = (value: number) => Math.round(value * 10) / 10;
  const [x, y, w, h] = [round(left), round(top), round(width), round(height)];
  const turn =
    angle === 0 ? "" : ` transform="rotate(${((angle * 180) / Math.PI).toFixed(2)} ${x + w / 2} ${y + h / 2})"`;
  const track = id === undefined ? "" : ` #${id & 0xffffn}`;
  const name = escapeHtml(`${labels[classId] ?? `class ${classId}`} ${confidence.toFixed(2)}${track}`);
  const place = `x="${x}" y="${y}" width="${w}" height="${h}"${turn}`;
  if (size === 0) return `<rect ${place}><title>${name}</title></rect>`;
  return `<rect ${place}/><text x="${x}" y="${Math.max(size, y - size / 4)}" font-size="${size}">${name}</text>`;
}

function eventText({ type, rule, label, direction }: EventView): string {
  return [type, rule, label, direction].filter(Boolean).join(" ");
}

/** Thumbnails are those of the detector's frames: the same frame has the same number there. */
function picturesOf(file: string, wanted: ReadonlySet<string>): Map<string, string> {
  const pictures = new Map<string, string>();
  const reader = new RecordingReader(file);
  try {
    for (const { info } of reader.streams) {
      if (!info.thumbnail) continue;
      for (const { record, thumbnail } of reader.frames(info.stream)) {
        const key = keyOf({ frame: readFrame(record) });
        if (!wanted.has(key) || thumbnail.length === 0) continue;
        const { width } = info.thumbnail;
        const picture = png(thumbnail, width, Math.floor(thumbnail.length / 3 / width));
        pictures.set(key, `data:image/png;base64,${picture.toString("base64")}`);
      }
    }
  } finally {
    reader.close();
  }
  return pictures;
}

function keyOf({ frame }: Pick<FrameDiff, "frame">): string {
  return `${frame.sourceId}/${frame.number}/${frame.capture}`;
}

/** So many at most, from the first to the last. */
function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))]!);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replaceAll(/[&<>"']/g, (sign) => entities[sign]!);
}
