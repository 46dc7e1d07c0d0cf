import { statSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Client } from "../../../services/cli/client.ts";
import type { News } from "../../../services/control/event-hub.ts";
import { EXIT } from "../../../services/log/errors.ts";
import { waitUntil } from "../../support/wait.ts";
import { type SmallSupervisor, startSmall } from "../supervisor/small-supervisor.ts";

let small: SmallSupervisor;
let client: Client;
beforeAll(async () => {
  small = await startSmall();
  client = new Client(small.supervisor.controlSocket);
  await waitUntil("Nightjar to be ready", async () => (await ask("/readyz")).status === 200, 25_000);
  await waitUntil(
    "both cameras to play",
    () => small.supervisor.status().cameras.every(({ state }) => state === "playing"),
    25_000,
  );
});
afterAll(() => small.end());

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Through the console's port instead of the socket. */
  readonly tcp?: boolean;
}

function ask(path: string, { method = "GET", headers = {}, body, tcp = false }: Asked = {}): Promise<Answer> {
  const { port } = new URL(small.supervisor.status().console ?? "");
  const where = tcp ? { host: "127.0.0.1", port } : { socketPath: small.supervisor.controlSocket };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...where, path, method, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", body: text }),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

describe("the control socket", () => {
  it("can be opened by its user only", () => {
    expect(statSync(small.supervisor.controlSocket).mode & 0o777).toBe(0o600);
  });

  it("tells the status", async () => {
    const status = await client.call("status", {});
    expect(status).toMatchObject({ device: { id: "box", name: "Box" }, profile: "portable", gstreamer: "1.22.0" });
    expect(status.processes.map(({ name, state }) => [name, state])).toEqual([
      ["supervisor", "running"],
      ["pipeline", "running"],
      ["postprocess", "running"],
    ]);
    // A child that has only just begun is smaller.
    await waitUntil("processes of a plausible size", async () =>
      (await client.call("status", {})).processes.every(({ residentBytes }) => residentBytes > 10e6),
    );
  });

  it("adds, lists and removes cameras", async () => {
    const added = await client.call("addCamera", { id: "roof", source: { type: "test", pattern: "snow" } });
    expect(added).toMatchObject({ id: "roof", source: "test snow", origin: "added" });
    expect((await client.call("listCameras", {})).map(({ id }) => id)).toEqual(["gate", "yard", "roof"]);
    expect(await client.call("removeCamera", { id: "roof" })).toEqual({ removed: "roof" });
    expect((await client.call("listCameras", {})).map(({ id }) => id)).toEqual(["gate", "yard"]);
  });

  it("refuses a wrong camera with one line per problem", async () => {
    const adding = client.call("addCamera", { id: "a b", source: { type: "rtsp", uri: "rtsp://h/p", latency: 200 } });
    await expect(adding).rejects.toMatchObject({
      exitCode: EXIT.configuration,
      message: expect.stringMatching(
        /^camera: id: found "a b".*\ncamera: source\.latency: found 200.*did you mean 200ms or 200s\?\)$/,
      ),
    });
  });

  it.each<[string, Asked, number, string]>([
    ["/api/nothing", {}, 404, "there is nothing at GET /api/nothing"],
    ["/api/cameras/nobody/live", {}, 404, 'there is no camera \\"nobody\\"'],
    ["/api/cameras/nobody", { method: "DELETE" }, 400, 'there is no camera \\"nobody\\"'],
    ["/api/cameras", { method: "POST", body: "{" }, 400, "the request has to be a JSON object"],
    ["/api/cameras", { method: "POST", body: "[1]" }, 400, "the request has to be a JSON object"],
    [
      "/api/cameras",
      { method: "POST", body: `{"id":"${"x".repeat(70_000)}"}` },
      413,
      "the request is longer than 65536 bytes",
    ],
    ["/api/events?types=evnt", {}, 400, "unknown types evnt"],
  ])("answers %s with its fault", async (path, asked, status, message) => {
    const answer = await ask(path, asked);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(message);
  });
});

describe("the console's address", () => {
  it("serves the page with a policy that lets nothing in from elsewhere", async () => {
    const { port } = new URL(small.supervisor.status().console ?? "");
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toContain("<title>Nightjar</title>");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it.each([
    "/app.js",
    "/vendor/uplot.css",
    "/icon.svg",
    "/statusz",
    "/api/session",
    "/livez",
    "/readyz",
    "/api/status",
    "/metrics",
  ])("serves %s", async (path) => {
    expect((await ask(path, { tcp: true })).status).toBe(200);
  });

  it("sends a file of the page packed to who can unpack it, and not again to who has it", async () => {
    const headers = (more: Record<string, string>) => ({ headers: more, tcp: true });
    const { port } = new URL(small.supervisor.status().console ?? "");
    const first = await fetch(`http://127.0.0.1:${port}/app.js`);
    expect([first.headers.get("content-encoding"), first.headers.get("cache-control")]).toEqual(["gzip", "no-cache"]);
    const plain = await ask("/app.js", headers({ "accept-encoding": "identity" }));
    expect(await first.text()).toBe(plain.body);
    const again = await ask("/app.js", headers({ "if-none-match": first.headers.get("etag") ?? "" }));
    expect([again.status, again.body]).toEqual([304, ""]);
  });

  it("takes changes from programs and its own page on this machine", async () => {
    const { port } = new URL(small.supervisor.status().console ?? "");
    const origin = `http://127.0.0.1:${port}`;
    const own = await ask("/api/cameras/nobody", {
      method: "DELETE",
      tcp: true,
      headers: { origin, host: `127.0.0.1:${port}`, "x-nightjar": "console" },
    });
    expect(own.body).toContain("there is no camera");
  });

  it("takes no changes from pages of other sites", async () => {
    const foreign = { method: "DELETE", tcp: true, headers: { origin: "http://evil.example" } };
    const answer = await ask("/api/cameras/gate", foreign);
    expect(answer).toMatchObject({
      status: 403,
      body: expect.stringContaining("requests from pages of http://evil.example are refused"),
    });
    expect(small.supervisor.status().cameras.map(({ id }) => id)).toContain("gate");
  });

  it("answers nobody who calls this machine by another name", async () => {
    const answer = await ask("/api/status", { tcp: true, headers: { host: "evil.example" } });
    expect(answer).toMatchObject({ status: 403, body: expect.stringContaining("is not this machine") });
  });
});

describe("news", () => {
  it("come as they happen", async () => {
    const stop = new AbortController();
    const got: News[] = [];
    const listening = (async () => {
      for await (const news of client.news(["camera"], stop.signal)) {
        got.push(news);
        if (got.length === 2) stop.abort();
      }
    })();
    await waitUntil("a listener", async () => (await ask("/livez")).status === 200);
    await client.call("addCamera", { id: "news", uri: "test:" });
    await client.call("removeCamera", { id: "news" });
    await waitUntil("both news", () => got.some(({ data }) => (data as { change: string }).change === "removed"));
    stop.abort();
    await listening;
    expect(got[0]).toMatchObject({ type: "camera", camera: "news", data: { change: "added" } });
  });

  it("with objects come to those who ask for them", async () => {
    const stop = new AbortController();
    for await (const news of client.news(["objects"], stop.signal)) {
      expect(news).toMatchObject({ type: "objects", camera: expect.any(String), data: { version: "4.0" } });
      break;
    }
    stop.abort();
  });
});

describe("pictures", () => {
  it("are made only while somebody looks", async () => {
    const pipelineOf = () => small.supervisor.status().cameras.find(({ id }) => id === "gate")?.viewers;
    expect(pipelineOf()).toBe(0);
    const answer = await ask("/api/cameras/gate/snapshot.jpg");
    expect(answer).toMatchObject({ status: 200, type: "image/jpeg", body: expect.stringMatching(/^picture \d+$/) });
  });

  it("come as parts of one answer, each with its length", async () => {
    const text = await new Promise<string>((resolve, reject) => {
      let got = "";
      const outgoing = request(
        { socketPath: small.supervisor.controlSocket, path: "/api/cameras/gate/live" },
        (response) => {
          expect(response.headers["content-type"]).toBe("multipart/x-mixed-replace; boundary=nightjar-picture");
          response.on("data", (chunk) => {
            got += chunk;
            if (got.split("--nightjar-picture").length <= 3) return;
            outgoing.destroy();
            resolve(got);
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end();
    });
    expect(text).toMatch(
      /^--nightjar-picture\r\ncontent-type: image\/jpeg\r\ncontent-length: \d+\r\n\r\npicture \d+\r\n--/,
    );
    await waitUntil("the viewer to be gone", () =>
      small.supervisor.status().cameras.every(({ viewers }) => viewers === 0),
    );
  });
});

it("metrics name every camera, process and message count", async () => {
  const { body, type } = await ask("/metrics");
  expect(type).toContain("text/plain");
  expect(body).toMatch(/^nightjar_camera_frames_total\{camera="gate"\} \d+$/m);
  expect(body).toContain('nightjar_camera_state{camera="yard",state="playing"} 1');
  expect(body).toContain('nightjar_camera_state{camera="yard",state="starved"} 0');
  expect(body).toContain('nightjar_process_state{process="pipeline",state="running"} 1');
  expect(body).toMatch(/^nightjar_capture_to_publish_seconds_count\{camera="gate"\} \d+$/m);
  expect(body).toMatch(/^nightjar_publisher_acknowledged_total\{class="telemetry"\} \d+$/m);
});

describe("a request that is nonsense", () => {
  it("has its target refused, and is not called our fault", async () => {
    const { status, body } = await ask("//");
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ error: { exitCode: EXIT.usage } });
  });

  it("may break off in the middle: it is not called our fault", async () => {
    const lines = () => small.supervisor.status().log;
    const { port } = new URL(small.supervisor.status().console ?? "");
    const socket = connect(Number(port), "127.0.0.1");
    socket.write("POST /api/cameras HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await ask("/livez")).status).toBe(200);
    expect(lines().filter(({ level }) => level === "error")).toEqual([]);
  });
});
