// A host in this process, and elements that are closed with it.

import "./load_stripper.ts";
import "../../../../services/postprocess/v8_limits.ts";
import type { ConnectionOptions } from "../../../../services/postprocess/connection.ts";
import { Host } from "../../../../services/postprocess/host.ts";
import type { Allowance } from "../../../../services/postprocess/limits.ts";
import type { ModuleIncident } from "../../../../services/postprocess/module_pair.ts";
import { socketPath } from "./bundles.ts";
import { Element } from "./element.ts";

export class TestHost {
  readonly log: string[] = [];
  readonly incidents: ModuleIncident[] = [];
  readonly host: Host;
  readonly #path = socketPath();
  #elements: Element[] = [];

  /** `options`: over those of a host with one thread for each model. `allowance`: of the machine's owner. */
  constructor(options: Partial<ConnectionOptions> = {}, allowance: Allowance = {}) {
    const log = (level: string, message: string) => this.log.push(`${level}: ${message}`);
    const incident: ConnectionOptions["incident"] = (_instance, _bundle, told) => this.incidents.push(told);
    this.host = new Host(this.#path, { threads: 1, log, incident, ...options }, allowance);
  }

  async start(): Promise<void> {
    await this.host.listen();
  }

  connect(): Element {
    const element = new Element(this.#path, process.pid);
    this.#elements.push(element);
    return element;
  }

  disconnect(): void {
    for (const element of this.#elements) element.close();
    this.#elements = [];
  }

  async close(): Promise<void> {
    this.disconnect();
    await this.host.close();
  }
}
