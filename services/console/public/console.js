// The console page: one event stream for everything but pictures, and pictures only for cameras that are in sight.

const STATE_TONES = {
  playing: "good",
  running: "good",
  connected: "good",
  starting: "warn",
  waiting: "warn",
  connecting: "warn",
  stopping: "warn",
  ended: "",
  disabled: "",
  stopped: "",
};
/** A browser opens six connections to one address: more streams than this would leave none for the rest. */
const MAX_STREAMS = 4;
const SNAPSHOT_MS = 1000;
const FEED_LINES = 60;
/** Shows nothing, and makes the browser close the stream that was there. */
const BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

const cards = new Map();
const byId = (id) => document.getElementById(id);

connect();
document.addEventListener("visibilitychange", () => refreshPictures());
byId("large").addEventListener("close", () => {
  byId("large-picture").src = BLANK;
  refreshPictures();
});

function connect() {
  const stream = new EventSource("/api/events?types=status,event,camera,process,broker,log&after=0");
  stream.onopen = () => lost(false);
  stream.onerror = () => lost(true);
  on(stream, "status", ({ data }) => showStatus(data));
  on(stream, "log", ({ data }) => addLine(byId("log"), data.time, data.message, toneOfLevel(data.level)));
  for (const type of ["event", "camera", "process", "broker"]) on(stream, type, showNews);
}

function on(stream, type, handle) {
  stream.addEventListener(type, (message) => handle(JSON.parse(message.data)));
}

function lost(isLost) {
  if (byId("lost").hidden === !isLost) return;
  byId("lost").hidden = !isLost;
  // Streams of pictures broke with the connection.
  refreshPictures(true);
}

function showStatus(status) {
  const { device, version, profile, gstreamer, uptimeMs, totals, cameras } = status;
  document.title = `${device.name} – Nightjar`;
  byId("device").textContent = device.name;
  const engine = gstreamer === "" ? "" : ` · ${profile} · GStreamer ${gstreamer}`;
  byId("subtitle").textContent = `Nightjar ${version}${engine} · up ${duration(uptimeMs)}`;
  const playing = cameras.filter((camera) => camera.state === "playing").length;
  byId("total-cameras").textContent = `${playing}/${cameras.length}`;
  byId("total-fps").textContent = totals.fps.toFixed(1);
  byId("total-latency").textContent = latencyText(totals.latency);
  byId("total-messages").textContent = totals.messagesPerSecond.toFixed(1);
  byId("total-events").textContent = totals.eventsPerSecond.toFixed(1);
  byId("no-cameras").hidden = cameras.length > 0;
  showCameras(cameras);
  showSystem(status);
}

function showCameras(cameras) {
  const ids = new Set(cameras.map(({ id }) => id));
  for (const [id, card] of cards) if (!ids.has(id)) removeCard(id, card);
  for (const camera of cameras) showCamera(camera, cards.get(camera.id) ?? addCard(camera));
  byId("cameras").classList.toggle("pairs", cameras.length === 2 || cameras.length === 4);
  refreshPictures();
}

function addCard(camera) {
  const element = byId("card").content.firstElementChild.cloneNode(true);
  const card = { id: camera.id, element, picture: element.querySelector("img"), visible: false, mode: "off", timer: 0 };
  element.querySelector("button").addEventListener("click", () => enlarge(card));
  // A picture that did not come: the browser would show that it is broken.
  card.picture.addEventListener("error", () => {
    card.picture.hidden = true;
  });
  card.picture.addEventListener("load", () => {
    card.picture.hidden = card.mode === "off";
  });
  card.picture.hidden = true;
  card.picture.alt = `Live picture of ${camera.name}`;
  card.picture.src = BLANK;
  cards.set(camera.id, card);
  byId("cameras").append(element);
  inSight.observe(element);
  return card;
}

function removeCard(id, card) {
  setMode(card, "off");
  inSight.unobserve(card.element);
  card.element.remove();
  cards.delete(id);
}

function showCamera(camera, card) {
  const { element } = card;
  card.state = camera.state;
  card.name = camera.name;
  const state = element.querySelector(".state");
  state.textContent = camera.state;
  state.dataset.tone = tone(camera.state);
  element.querySelector("h3").textContent = camera.name;
  const size = camera.video === null ? "" : `${camera.video.width}×${camera.video.height} · `;
  element.querySelector(".numbers").textContent =
    `${size}${camera.fps.toFixed(1)} fps · ${latencyText(camera.latency)} · ${camera.ids} ids`;
  const playing = camera.state === "playing";
  element.querySelector(".reason").textContent = playing ? camera.reason : "";
  element.querySelector(".veil-state").textContent = playing ? "" : camera.state;
  element.querySelector(".veil-reason").textContent = playing ? "" : camera.reason;
  element.querySelector("button").disabled = !playing;
  showObjects(element.querySelector(".objects"), camera.objects);
}

function showObjects(list, objects) {
  const byLabel = new Map();
  for (const { id, label } of objects) byLabel.set(label, [...(byLabel.get(label) ?? []), id]);
  const chips = [...byLabel]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([label, ids]) => {
      const chip = make("span", `${label} ${ids.length} `, "chip");
      chip.append(
        make(
          "small",
          ids
            .filter((id) => id !== "")
            .map((id) => `#${shortId(id)}`)
            .join(" "),
        ),
      );
      return chip;
    });
  list.replaceChildren(...chips);
}

function showSystem({ processes, broker, links }) {
  const rows = processes.map(({ name, state, cpu, residentBytes, restarts, reason }) => {
    const row = make("tr");
    const stateCell = make("td");
    const dot = make("span", state, "dot");
    dot.dataset.tone = tone(state);
    dot.title = reason;
    stateCell.append(dot);
    row.append(make("td", name), stateCell);
    for (const text of [`${Math.round(cpu * 100)} %`, `${Math.round(residentBytes / 1e6)} MB`, restarts])
      row.append(make("td", text));
    return row;
  });
  byId("processes").replaceChildren(...rows);
  const dot = make(
    "span",
    `${broker.url}${broker.embedded ? " (embedded)" : broker.insecure ? " (insecure)" : ""}`,
    "dot",
  );
  dot.dataset.tone = tone(broker.state);
  const figures = ` ${broker.published} sent, ${broker.acknowledged} acknowledged, ${broker.queued} waiting, ${broker.dropped} dropped ${broker.reason}`;
  byId("broker").replaceChildren(dot, make("span", figures, "numbers"));
  byId("links").replaceChildren(
    ...links.map(({ bundle, instance, state, engineMs, moduleMs }) => {
      const times = [engineMs, moduleMs].filter(({ p50 }) => p50 > 0).map(({ p50 }) => `${p50.toFixed(1)} ms`);
      const line = make("p", `${bundle || instance} ${state} ${times.join(" + ")}`, "numbers dot");
      line.dataset.tone = state === "ready" ? "good" : "warn";
      return line;
    }),
  );
}

function showNews({ type, time, camera, data }) {
  const text = {
    camera: () => (data.change === "state" ? `is ${data.state}${data.reason ? `: ${data.reason}` : ""}` : data.change),
    process: () => `${data.name} is ${data.state}${data.reason ? `: ${data.reason}` : ""}`,
    broker: () => `broker ${data.state}${data.reason ? `: ${data.reason}` : ""}`,
    event: () => eventText(data),
  }[type]();
  addLine(byId("events"), time, `${camera === undefined ? "" : `${camera}: `}${text}`, tone(data.state));
}

/** What our modules' events have in common; anything else as it is. */
function eventText(data) {
  if (typeof data?.type !== "string") return JSON.stringify(data);
  const { type, rule, value, object } = data;
  const what = object ? `${object.label || `class ${object.classId}`} #${shortId(object.id)}` : "";
  const number = typeof value === "number" ? String(Math.round(value * 100) / 100) : "";
  return [type, what, rule, number].filter((part) => part).join(" ");
}

function addLine(list, time, text, lineTone) {
  list.querySelector(".empty")?.remove();
  const line = make("li");
  const content = make("span", text);
  if (lineTone) {
    content.className = "dot";
    content.dataset.tone = lineTone;
  }
  line.append(make("time", new Date(time).toLocaleTimeString()), content);
  list.prepend(line);
  while (list.children.length > FEED_LINES) list.lastElementChild.remove();
}

const inSight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const card = [...cards.values()].find(({ element }) => element === target);
    if (card !== undefined) card.visible = isIntersecting;
  }
  refreshPictures();
});

/** Streams for the cameras in sight, as far as the browser has connections; single pictures for the rest. */
function refreshPictures(anew = false) {
  const shown = document.visibilityState === "visible" && !byId("large").open;
  let streams = 0;
  for (const card of cards.values()) {
    const wanted = shown && card.visible && card.state === "playing";
    const mode = !wanted ? "off" : streams < MAX_STREAMS ? "stream" : "pictures";
    if (mode === "stream") streams += 1;
    if (anew) setMode(card, "off");
    setMode(card, mode);
  }
}

function setMode(card, mode) {
  if (card.mode === mode) return;
  card.mode = mode;
  clearInterval(card.timer);
  const address = `/api/cameras/${encodeURIComponent(card.id)}`;
  card.picture.hidden = mode === "off";
  if (mode === "stream") card.picture.src = `${address}/live?${Date.now()}`;
  if (mode === "off") card.picture.src = BLANK;
  if (mode === "pictures") {
    card.timer = setInterval(() => {
      // The next picture is asked for when the last one is there: a slow line gets fewer.
      if (card.picture.complete) card.picture.src = `${address}/snapshot.jpg?${Date.now()}`;
    }, SNAPSHOT_MS);
  }
}

function enlarge(card) {
  byId("large-picture").src = `/api/cameras/${encodeURIComponent(card.id)}/live?${Date.now()}`;
  byId("large-picture").alt = card.picture.alt;
  byId("large-caption").textContent = card.name;
  byId("large").showModal();
  refreshPictures();
}

function tone(state) {
  return state === undefined ? "" : (STATE_TONES[state] ?? "bad");
}

function toneOfLevel(level) {
  return { warn: "warn", error: "bad" }[level] ?? "";
}

/** The upper half of a track id says in which run of the tracker it was given: people do not need it. */
function shortId(id) {
  return /^\d{10,20}$/.test(id) ? String(BigInt(id) & 0xffffffffn) : id;
}

function latencyText({ p50, p99 }) {
  const text = (ms) => (ms === null ? "–" : String(Math.round(ms)));
  return `${text(p50)} / ${text(p99)} ms`;
}

function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (n) => String(n).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className !== undefined) element.className = className;
  return element;
}
