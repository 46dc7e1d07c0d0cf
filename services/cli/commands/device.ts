import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { EXIT } from "../../log/errors.ts";
import { enrol, type Identity, isDue, openIdentity } from "../../updater/provisioning/identity.ts";
import { type CommandSpec, textOf, type Values } from "../command.ts";
import { CONFIG_OPTION } from "../options.ts";
import { table } from "../table.ts";

export const deviceShow: CommandSpec = {
  name: "device show",
  summary: "id, key and certificate of this device; the key is made when there is none",
  options: [CONFIG_OPTION],
  json: true,
  run: (values) => {
    const { id, directory } = placeOf(values);
    const identity = openIdentity(directory);
    return { exitCode: EXIT.ok, text: identityText(id, identity), json: identityJson(id, identity) };
  },
};

export const deviceEnrol: CommandSpec = {
  name: "device enrol",
  summary:
    "get a certificate for this device's key: the first time with a claim token, later with the present certificate",
  arguments: [{ name: "<url>", description: "where certificates are given (docs/updates.md says what is asked)" }],
  options: [
    CONFIG_OPTION,
    { flags: "--token-file <file>", description: "file with the claim token" },
    { flags: "--ca <file>", description: "certificates (PEM) to trust; default: the system's" },
    { flags: "--if-due", description: "only when there is no certificate, or two thirds of its life are over" },
  ],
  json: true,
  run: async (values) => {
    const { id, directory } = placeOf(values);
    const before = openIdentity(directory);
    const isWanted = values.ifDue !== true || before.certificate === undefined || isDue(before.certificate);
    if (isWanted) {
      const tokenFile = textOf(values, "tokenFile");
      const ca = textOf(values, "ca");
      await enrol(directory, {
        url: textOf(values, "url") ?? "",
        id,
        token: tokenFile === undefined ? undefined : readFileSync(tokenFile, "utf8").trim(),
        ca: ca === undefined ? undefined : readFileSync(ca, "utf8"),
      });
    }
    const identity = openIdentity(directory);
    return { exitCode: EXIT.ok, text: identityText(id, identity), json: identityJson(id, identity) };
  },
};

function placeOf(values: Values): { readonly id: string; readonly directory: string } {
  const { device, directories } = loadConfig(textOf(values, "config") ?? "");
  return { id: device.id, directory: join(directories.state, "identity") };
}

function identityText(id: string, { keyFile, certificateFile, certificate }: Identity): string {
  const state =
    certificate === undefined ? "none yet (nightjar device enrol)" : `${certificateFile}, until ${certificate.validTo}`;
  return table(
    ["device", id],
    [
      ["key", keyFile],
      ["certificate", state],
    ],
  );
}

function identityJson(id: string, { keyFile, certificateFile, certificate }: Identity) {
  return {
    id,
    keyFile,
    certificateFile,
    validTo: certificate?.validTo ?? null,
    isDue: certificate === undefined || isDue(certificate),
  };
}
