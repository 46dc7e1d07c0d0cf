/** The broker, what waits for it, and what it refused. */
import { get } from "../lib/api.js";
import { openDialog } from "../lib/dialog.js";
import { h, setText } from "../lib/dom.js";
import { bytes, count, duration, oneDigit, time, tone } from "../lib/format.js";
import { act } from "../lib/notice.js";
import { figures, panel, table } from "../lib/view.js";

/** @import { BrokerView, Totals } from "../../../supervisor/status.ts" */

/** @param {AbortSignal} signal */
export function brokerPanel(signal) {
  const state = h("span", { class: "dot" });
  const address = h("p", { class: "soft mono" });
  const reason = h("p", { class: "trouble" });
  const numbers = figures(
    [
      ["queued", "waiting", "Messages that wait for the broker"],
      ["age", "oldest of them"],
      ["bytes", "on the disk"],
      ["published", "sent"],
      ["acknowledged", "acknowledged"],
      ["rate", "messages/s"],
      ["dropped", "lost", "Messages that there was no room or no time for; reported to consumers"],
      ["dead", "refused", "Messages that the broker refused for good"],
      ["records", "left out by the pipeline"],
    ],
    "figures small",
  );
  const dead = h("button", { class: "button", type: "button", hidden: true }, "Show refused messages");
  dead.addEventListener("click", () => void act(dead, () => showDeadLetters(signal)));
  const element = panel("Broker and outbox", h("p", { class: "line" }, state), address, reason, numbers.element, dead);
  /**
   * @param {BrokerView} broker
   * @param {Totals} totals
   */
  const show = (broker, totals) => {
    setText(state, broker.state);
    state.dataset["tone"] = tone(broker.state);
    const kind = broker.embedded ? " (embedded)" : broker.insecure ? " (without TLS)" : "";
    setText(address, `${broker.url}${kind}, ${broker.topicPrefix}`);
    setText(reason, [broker.reason, broker.alarm, broker.outbox.problem].filter((text) => text !== "").join(" · "));
    numbers.set({
      queued: count(broker.queued),
      age: broker.outbox.oldestMs > 0 ? duration(broker.outbox.oldestMs) : "–",
      bytes: bytes(broker.outbox.bytes),
      published: count(broker.published),
      acknowledged: count(broker.acknowledged),
      rate: oneDigit(totals.messagesPerSecond),
      dropped: count(broker.dropped),
      dead: count(broker.outbox.deadLetters),
      records: count(totals.droppedRecords),
    });
    dead.hidden = broker.outbox.deadLetters === 0;
  };
  return { element, show };
}

/** @param {AbortSignal} signal */
async function showDeadLetters(signal) {
  const letters = /** @type {import("../../../supervisor/device-control.ts").DeadLetterView[]} */ (
    await get("/api/dead-letters?limit=100", signal)
  );
  const list = table("Refused messages", ["When", "Topic", "Why", "Message"]);
  for (const { at, topic, reason, payload } of letters) {
    const message = h("details", null, h("summary", null, "Show"), h("pre", null, payload));
    list.body.append(
      h(
        "tr",
        null,
        h("td", null, time(at)),
        h("td", { class: "mono" }, topic),
        h("td", null, reason),
        h("td", null, message),
      ),
    );
  }
  openDialog("Messages that the broker refused", [list.element], { wide: true, signal });
}
