/** Small media files for tests, made by gst-launch-1.0 in a temporary folder. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

export interface ClipOptions {
  readonly width?: number;
  readonly height?: number;
  readonly framerate?: number;
  readonly frames?: number;
}

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Gone when the tests of the file are done. */
export function mediaFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "nightjar-media-"));
  folders.push(folder);
  return folder;
}

function launch(...words: string[]): void {
  execFileSync("gst-launch-1.0", ["-q", ...words.join(" ").split(" ")], { stdio: "pipe" });
}

function picture({ width = 160, height = 120, framerate = 20, frames = 20 }: ClipOptions): string {
  return `videotestsrc num-buffers=${frames} pattern=ball ! video/x-raw,format=I420,width=${width},height=${height},framerate=${framerate}/1`;
}

/** H.264 in MP4, a key frame every ten frames. */
export function makeClip(path: string, options: ClipOptions = {}): string {
  launch(
    picture(options),
    "! x264enc key-int-max=10 speed-preset=ultrafast ! h264parse ! mp4mux ! filesink location=" + path,
  );
  return path;
}

/** Sound without a picture. */
export function makeSound(path: string): string {
  launch("audiotestsrc num-buffers=20 ! audioconvert ! vorbisenc ! oggmux ! filesink location=" + path);
  return path;
}

/** One H.264 elementary stream whose picture size changes in the middle. */
export function makeSizeChange(path: string, first: ClipOptions, second: ClipOptions): string {
  const encode = (options: ClipOptions, to: string): void =>
    launch(
      picture(options),
      "! x264enc key-int-max=10 speed-preset=ultrafast ! video/x-h264,stream-format=byte-stream ! filesink location=" +
        to,
    );
  encode(first, path);
  encode(second, `${path}.second`);
  appendFileSync(path, readFileSync(`${path}.second`));
  return path;
}

/** frame-00.jpg, frame-01.jpg, … */
export function makeImages(folder: string, options: ClipOptions = {}): string {
  const location = join(folder, "frame-%02d.jpg");
  launch(picture(options), "! jpegenc ! multifilesink location=" + location);
  return location;
}

/** A copy without its last part: for MP4 that is the index. */
export function truncate(path: string, to: string, share = 0.5): string {
  const bytes = readFileSync(path);
  writeFileSync(to, bytes.subarray(0, Math.floor(bytes.length * share)));
  return to;
}

/** A copy with zeros in place of a stretch of its data. */
export function damage(path: string, to: string, from: number, until: number): string {
  const bytes = readFileSync(path);
  bytes.fill(0x55, Math.floor(bytes.length * from), Math.floor(bytes.length * until));
  writeFileSync(to, bytes);
  return to;
}
