import { describe, expect, it } from "vitest";
import { parseAddress } from "../../../../services/pipeline/sources/address.ts";

describe("an address is shown without its secrets:", () => {
  it.each([
    ["rtsp://cam.local/stream", "rtsp://cam.local/stream", null, null],
    ["rtsp://admin:s3cret@cam.local:8554/h264?ch=1", "rtsp://cam.local:8554/h264?ch=1", "admin", "s3cret"],
    ["rtsp://admin:p%40ss%2F@cam/x", "rtsp://cam/x", "admin", "p@ss/"],
    ["rtsp://admin:p@ss@cam/x", "rtsp://cam/x", "admin", "p@ss"],
    ["rtsp://admin@cam/x", "rtsp://cam/x", "admin", null],
    ["http://cam/video?user=me&password=you&fps=5", "http://cam/video?user=***&password=***&fps=5", null, null],
    ["/data/clip.mp4", "/data/clip.mp4", null, null],
  ])("%s", (uri, shown, username, password) => {
    expect(parseAddress(uri)).toMatchObject({ shown, username, password });
  });

  it("keeps path and query as they are for the camera itself", () => {
    expect(parseAddress("rtsp://a:b@cam//odd path?user=x").uri).toBe("rtsp://cam//odd path?user=x");
  });
});
