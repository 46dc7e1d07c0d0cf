// An engine that several deployments of one link use, one after the other: it is stopped when the last one is closed.

import { Engine } from "./engine.ts";

interface Shared {
  engine: Engine;
  users: number;
}

export class EngineLease {
  readonly #shared: Shared;
  #released = false;

  /** `threads` of one run; 0: as many as the machine has cores. */
  constructor(model: string, threads: number);
  constructor(shared: Shared);
  constructor(first: string | Shared, threads = 0) {
    this.#shared = typeof first === "string" ? { engine: new Engine(first, threads), users: 0 } : first;
    this.#shared.users++;
  }

  get engine(): Engine {
    return this.#shared.engine;
  }

  /** Another lease on the same engine. */
  share(): EngineLease {
    return new EngineLease(this.#shared);
  }

  /** Stops the engine when this was the last lease; waits for the run in progress then. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#shared.users--;
    if (this.#shared.users === 0) await this.#shared.engine.stop();
  }
}
