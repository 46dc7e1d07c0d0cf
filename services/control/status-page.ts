/** The status as one page of text: what nightjar status prints, for whoever has a browser or curl and no shell on the device. */
import { renderView } from "../cli/view/render.ts";
import type { Status } from "../supervisor/status.ts";

const COLUMNS = 132;
/** As many as anything has: the page has no end. */
const ROWS = 1000;
const LOG_LINES = 20;

export function statusPage(status: Status, notReady: string | undefined): string {
  const view = renderView(status, { columns: COLUMNS, rows: ROWS, color: false, logLines: LOG_LINES, keys: false });
  return [notReady === undefined ? " ready" : ` not ready: ${notReady}`, ...view.map((line) => line.trimEnd())].join(
    "\n",
  );
}
