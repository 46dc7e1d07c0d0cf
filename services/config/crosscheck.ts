/** Rules between keys. They look at the raw values, so that they are reported together with the errors of single keys. */
import { isPlainToElsewhere } from "../publisher/transport.ts";
import { isLoopbackListener } from "./listen.ts";
import type { Locate, Path, Problem } from "./problems.ts";
import { keyText, valueAt } from "./problems.ts";
import { parseDuration } from "./units.ts";

type Report = (path: Path, message: string) => void;

/** Problems between keys of a configuration as written (`raw` may have any shape). */
export function crossCheck(raw: unknown, locate: Locate): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, message) => {
    const position = locate(path, "value");
    problems.push({ ...(position === undefined ? {} : { position }), key: keyText(path), message });
  };
  const cameras = valueAt(raw, ["cameras"]);
  if (Array.isArray(cameras)) {
    checkIds(cameras, report);
    cameras.forEach((camera, i) => {
      checkCamera(camera, ["cameras", i], report);
    });
  }
  checkMqtt(valueAt(raw, ["mqtt"]), report);
  checkConsole(valueAt(raw, ["console"]), report);
  checkDelays(valueAt(raw, ["pipeline", "restart"]), ["pipeline", "restart"], report);
  return problems;
}

/** Problems of one camera as written; `path` is where it stands. */
export function crossCheckCamera(camera: unknown, path: Path, locate: Locate): Problem[] {
  const problems: Problem[] = [];
  checkCamera(camera, path, (where, message) => {
    const position = locate(where, "value");
    problems.push({ ...(position === undefined ? {} : { position }), key: keyText(where), message });
  });
  return problems;
}

function checkIds(cameras: readonly unknown[], report: Report): void {
  const firstWith = new Map<string, number>();
  cameras.forEach((camera, i) => {
    const id = valueAt(camera, ["id"]);
    if (typeof id !== "string") return;
    const first = firstWith.get(id);
    if (first === undefined) firstWith.set(id, i);
    else report(["cameras", i, "id"], `"${id}" is already the id of cameras[${first}]; ids must differ`);
  });
}

function checkCamera(camera: unknown, path: Path, report: Report): void {
  if (typeof camera !== "object" || camera === null) return;
  const uri = valueAt(camera, ["uri"]);
  const source = valueAt(camera, ["source"]);
  if (uri === undefined && source === undefined)
    report(path, "has neither uri nor source; one of them says where the pictures come from");
  if (uri !== undefined && source !== undefined)
    report([...path, "uri"], "stands beside source; give only one of the two");
  checkCredentials(
    uri,
    [...path, "uri"],
    "write it as source: {type: rtsp, uri, username, password: {file: PATH}}",
    report,
  );
  const hint = "move them to username and password: {file: PATH}";
  checkCredentials(valueAt(source, ["uri"]), [...path, "source", "uri"], hint, report);
  if (valueAt(source, ["password"]) !== undefined && valueAt(source, ["username"]) === undefined) {
    report([...path, "source", "password"], "has no username beside it; a camera wants both");
  }
  checkDelays(valueAt(camera, ["reconnect"]), [...path, "reconnect"], report);
}

function checkMqtt(mqtt: unknown, report: Report): void {
  checkCredentials(
    valueAt(mqtt, ["url"]),
    ["mqtt", "url"],
    "move them to mqtt.username and mqtt.password: {file: PATH}",
    report,
  );
  const url = valueAt(mqtt, ["url"]);
  if (typeof url === "string" && isPlainToElsewhere(url) && valueAt(mqtt, ["insecure"]) !== true) {
    const hint = "use mqtts:, or, where anyone may read and change the messages, write mqtt.insecure: true";
    report(["mqtt", "url"], `goes to another machine without TLS; ${hint}`);
  }
  const listen = valueAt(mqtt, ["embedded", "listen"]);
  const isListening = url === undefined && typeof listen === "string" && /.:\d{1,5}$/.test(listen);
  if (isListening && !isLoopbackListener(listen) && valueAt(mqtt, ["insecure"]) !== true) {
    const hint = "use a broker of your own with TLS, or, where anyone may, write mqtt.insecure: true";
    report(
      ["mqtt", "embedded", "listen"],
      `lets other machines read and write messages without TLS and password; ${hint}`,
    );
  }
  checkPair(valueAt(mqtt, ["tls"]), ["mqtt", "tls"], report);
}

/** A certificate and its key come together. */
function checkPair(tls: unknown, path: Path, report: Report): void {
  const certificate = valueAt(tls, ["certificate"]);
  const key = valueAt(tls, ["key"]);
  if (certificate !== undefined && key === undefined)
    report([...path, "certificate"], `needs ${keyText([...path, "key"])}, its private key, too`);
  if (key !== undefined && certificate === undefined)
    report([...path, "key"], `needs ${keyText([...path, "certificate"])} too`);
}

function checkConsole(section: unknown, report: Report): void {
  const tls = valueAt(section, ["tls"]);
  checkPair(tls, ["console", "tls"], report);
  const listen = valueAt(section, ["listen"]);
  const isPlain = valueAt(tls, ["certificate"]) === undefined && valueAt(tls, ["selfSigned"]) !== true;
  if (valueAt(section, ["enabled"]) === false || typeof listen !== "string" || !/.:\d{1,5}$/.test(listen)) return;
  if (isPlain && !isLoopbackListener(listen)) {
    const hint =
      "give console.tls.certificate and key, or console.tls.selfSigned: true, and make a user (nightjar user add)";
    report(
      ["console", "listen"],
      `${listen} can be reached by other machines, and passwords must not travel without TLS; ${hint}`,
    );
  }
}

function checkCredentials(uri: unknown, path: Path, hint: string, report: Report): void {
  if (typeof uri === "string" && /^[a-z][a-z0-9+.-]*:\/\/[^\s/]*@/i.test(uri)) {
    report(path, `carries a user name or password, which do not belong in the configuration; ${hint}`);
  }
}

function checkDelays(policy: unknown, path: Path, report: Report): void {
  const delay = milliseconds(valueAt(policy, ["delay"]));
  const maxDelay = milliseconds(valueAt(policy, ["maxDelay"]));
  if (delay !== undefined && maxDelay !== undefined && delay > maxDelay) {
    report(
      [...path, "delay"],
      `is longer than ${keyText([...path, "maxDelay"])}; the first wait cannot be the longest`,
    );
  }
}

function milliseconds(value: unknown): number | undefined {
  return typeof value === "string" ? parseDuration(value) : undefined;
}
