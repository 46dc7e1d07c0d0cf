/** Metrics of the updater; there are none while no repository is configured. */
import { STATES } from "../updater/machine.ts";
import type { UpdateStatus } from "../updater/types.ts";
import { known, oneHot, type Row, type Sample } from "./define.ts";
import type { Facts } from "./facts.ts";

export const UPDATE_GAUGES: readonly Row<Facts>[] = [
  of("nightjar_update_state", "1 for what the updater is doing", ({ state }) => oneHot(STATES, state, {}), ["state"]),
  of("nightjar_update_last_check_timestamp_seconds", "When it last looked at the repository", ({ lastCheck }) =>
    known({}, lastCheck === null ? null : lastCheck.at / 1000),
  ),
  of("nightjar_update_last_check_success", "1 when that went well", ({ lastCheck }) =>
    known({}, lastCheck === null ? null : Number(lastCheck.problem === "")),
  ),
  of("nightjar_update_next_check_timestamp_seconds", "When it will look again", ({ nextCheck }) =>
    known({}, nextCheck === null ? null : nextCheck / 1000),
  ),
  of(
    "nightjar_update_channel_info",
    "1; the labels say which release serves and which there is (empty: none)",
    ({ channels }) =>
      channels.map(
        ({ name, installed, available }): Sample => [
          { channel: name, installed: installed ?? "", available: available ?? "" },
          1,
        ],
      ),
    ["channel", "installed", "available"],
  ),
  of(
    "nightjar_update_failures",
    "Failed tries of a release that is not committed",
    ({ blocked }) => blocked.map(({ channel, version, failures }): Sample => [{ channel, version }, failures]),
    ["channel", "version"],
  ),
  of(
    "nightjar_update_metadata_expires_timestamp_seconds",
    "Until when the repository's verified metadata hold",
    ({ metadata }) => Object.entries(metadata.expires).map(([role, at]): Sample => [{ role }, at / 1000]),
    ["role"],
  ),
];

function of(
  name: string,
  help: string,
  read: (update: UpdateStatus) => readonly Sample[],
  labels: string[] = [],
): Row<Facts> {
  return { name, help, labels, read: ({ update }) => (update.enabled ? read(update) : []) };
}
