/** The dialog that adds a camera. */
import { post } from "../lib/api.js";
import { openDialog } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { field, formError, input, select, showErrors } from "../lib/form.js";
import { act, say } from "../lib/notice.js";

/** @typedef {{ title: string, key: string, label: string, placeholder: string, hint: string, more?: object }} Kind */

/** By the type of the source. @type {Readonly<Record<string, Kind>>} */
const KINDS = {
  rtsp: {
    title: "Network camera (RTSP)",
    key: "uri",
    label: "Address",
    placeholder: "rtsp://192.0.2.10/stream1",
    hint: "Without user name and password; they have fields of their own.",
  },
  uri: {
    title: "Other stream",
    key: "uri",
    label: "Address",
    placeholder: "https://192.0.2.11/live.m3u8",
    hint: "Any stream that GStreamer plays.",
  },
  v4l2: {
    title: "Camera on this device (USB)",
    key: "device",
    label: "Device",
    placeholder: "/dev/video0",
    hint: "nightjar doctor lists those that are there.",
  },
  file: {
    title: "Video file",
    key: "path",
    label: "File",
    placeholder: "/var/lib/nightjar/clips/gate.mp4",
    hint: "On this device. It is played in a loop.",
    more: { loop: true },
  },
  test: {
    title: "Test picture",
    key: "pattern",
    label: "Pattern",
    placeholder: "smpte",
    hint: "smpte, ball, snow, …: patterns of GStreamer.",
  },
};

/** @param {AbortSignal} signal */
export function addCamera(signal) {
  const id = input("id", { required: true, placeholder: "gate", autocapitalize: "none" });
  const name = input("name", { placeholder: "Gate" });
  const kind = select(
    "type",
    Object.entries(KINDS).map(([type, { title }]) => [type, title]),
  );
  const where = h("div", { class: "fields" });
  const submit = h("button", { class: "button primary", type: "submit" }, "Add camera");
  const cancel = h("button", { class: "button", type: "button" }, "Cancel");
  const form = h(
    "form",
    { class: "form", noValidate: true },
    h(
      "div",
      { class: "fields" },
      field("id", "ID", id, { hint: "Short and lasting: it names the camera in messages." }),
      field("name", "Name", name, { hint: "What people call it." }),
      field("source.type", "Kind", kind, { wide: true }),
    ),
    where,
    formError(),
    h("div", { class: "actions end" }, cancel, submit),
  );
  const fillKind = () => where.replaceChildren(...sourceFields(kind.value));
  kind.addEventListener("change", fillKind);
  fillKind();
  const dialog = openDialog("Add a camera", [form], { signal });
  cancel.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void act(submit, () => send(form, dialog));
  });
  id.focus();
}

/** @param {string} type */
function sourceFields(type) {
  const kind = /** @type {Kind} */ (KINDS[type]);
  const address = input(kind.key, { placeholder: kind.placeholder, autocapitalize: "none" });
  const fields = [field(`source.${kind.key}`, kind.label, address, { hint: kind.hint, wide: true })];
  if (type !== "rtsp") return fields;
  const password = { hint: "A file on this device that holds the password.", wide: false };
  return [
    ...fields,
    field("source.username", "User at the camera", input("username", { autocapitalize: "none" })),
    field("source.password", "Password file", input("password", { placeholder: "gate.password" }), password),
  ];
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLDialogElement} dialog
 */
async function send(form, dialog) {
  const camera = entryOf(new FormData(form));
  try {
    const { name } = await post("/api/cameras", camera);
    dialog.close();
    say(`Camera “${name}” was added.`);
  } catch (error) {
    showErrors(form, error);
  }
}

/**
 * An entry as in the configuration: what was left empty is left out, so that the server's defaults and its words count.
 * @param {FormData} data
 */
export function entryOf(data) {
  const text = (/** @type {string} */ key) => String(data.get(key) ?? "").trim();
  const type = text("type");
  const { key, more } = /** @type {Kind} */ (KINDS[type]);
  const optional = (/** @type {string} */ name, /** @type {unknown} */ value) =>
    text(name) === "" ? {} : { [name]: value };
  return {
    ...optional("id", text("id")),
    ...optional("name", text("name")),
    source: {
      type,
      ...optional(key, text(key)),
      ...optional("username", text("username")),
      ...optional("password", { file: text("password") }),
      ...more,
    },
  };
}
