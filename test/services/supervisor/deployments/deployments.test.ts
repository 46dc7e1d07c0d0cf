// The runner against a postprocess process that answers as the test says; everything else is real.
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import type { LinkStatus, SwapAnswer, SwapStep, ToPostprocess } from "../../../../services/postprocess/messages.ts";
import { Deployments } from "../../../../services/supervisor/deployments/deployments.ts";
import { HostLink } from "../../../../services/supervisor/deployments/host-link.ts";
import type { ActivateOptions, DeploymentEvent } from "../../../../services/supervisor/deployments/parts.ts";
import { type BundleReference, RecordFile } from "../../../../services/supervisor/deployments/record.ts";
import { waitUntil } from "../../../support/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "nightjar-deployments-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
let count = 0;

const reference = (name: string): BundleReference => ({
  directory: `/bundles/${name}`,
  name,
  version: "1.0.0",
  digest: "",
});
const STREET = reference("street");
const NEW = reference("new");

class Bench {
  readonly path: string;
  readonly steps: string[] = [];
  readonly events: DeploymentEvent[] = [];
  readonly file: RecordFile;
  readonly deployments: Deployments;
  assigned = 0;
  readonly served: string[] = [];
  readonly warnings: string[] = [];
  /** Undefined: whatever is to serve does, and all is well. */
  links: LinkStatus[] | undefined;
  refuse: Partial<Record<SwapStep["step"], Extract<SwapAnswer, { ok: false }>>> = {};
  /** Steps that get no answer before release(). */
  silent: SwapStep["step"][] = [];
  readonly #held: (() => void)[] = [];

  constructor(path = join(folder, `${count++}.json`)) {
    this.path = path;
    this.file = new RecordFile(path, (message) => this.warnings.push(message));
    const host = new HostLink((message) => this.#receive(message, host));
    this.deployments = new Deployments({
      file: this.file,
      host,
      log: pino({ level: "silent" }),
      plan: { shadowMs: 0, shadowOnly: false, agreement: 0, probationMs: 50, frameRate: 0.8 },
      configured: { infer: STREET, tracker: reference("bytetrack") },
      links: () => this.links ?? [link({ directory: (this.element.active ?? STREET).directory })],
      inferredShare: () => 1,
      assign: () => {
        this.assigned++;
      },
      announce: (event) => this.events.push(event),
      serves: (_element, { name }) => this.served.push(name),
    });
  }

  async activate(to: BundleReference, options: ActivateOptions = {}): Promise<void> {
    this.deployments.activate("infer", to, options);
    await this.settled();
  }

  settled(): Promise<true> {
    return waitUntil("the change has ended", () => this.file.element("infer").transaction === undefined);
  }

  get element() {
    return this.file.element("infer");
  }

  #receive(message: ToPostprocess, host: HostLink): boolean {
    if (message.type !== "swap") return true;
    const { step } = message.step;
    this.steps.push(step === "prepare" ? `prepare ${message.step.bundle}` : step);
    const name = message.step.step === "prepare" ? message.step.bundle.split("/").at(-1)! : "";
    const bundle = { name, version: "1.0.0", digest: `digest of ${name}`, directory: "" };
    const results: Partial<Record<SwapStep["step"], unknown>> = {
      prepare: { bundle },
      activate: { ms: 5, restored: null, framesWithoutObjects: 31 },
    };
    const answer = this.refuse[step] ?? ({ ok: true, result: results[step] ?? null } as SwapAnswer);
    const reply = () => host.answer(message.request, answer);
    if (this.silent.includes(step)) this.#held.push(reply);
    else setImmediate(reply);
    return true;
  }

  release(): void {
    this.silent = [];
    for (const reply of this.#held.splice(0)) reply();
  }
}

const benches: Bench[] = [];
function bench(path?: string): Bench {
  const made = new Bench(path);
  benches.push(made);
  return made;
}
afterEach(async () => {
  for (const made of benches.splice(0)) await made.deployments.stop();
});

const failure = (message: string, lasting = true) => ({ ok: false, key: "module.file", lasting, message }) as const;
const link = (changes: Partial<LinkStatus>): LinkStatus => ({
  instance: "infer",
  bundle: "new 1.0.0",
  state: "ready",
  batchesPerSecond: 30,
  framesPerSecond: 30,
  engineMs: { p50: 1, p99: 1 },
  moduleMs: { p50: 1, p99: 1 },
  restarts: 0,
  directory: "/bundles/new",
  batches: 100,
  failedBatches: 0,
  failedFrames: 0,
  ...changes,
});

describe("activating a bundle", () => {
  it("goes step by step, and the bundle serves from then on, also after a restart", async () => {
    const made = bench();
    await made.activate(NEW);
    expect(made.steps).toEqual(["prepare /bundles/new", "activate", "settle"]);
    expect(made.element).toMatchObject({
      active: { name: "new", digest: "digest of new" },
      previous: null,
      last: { end: "done" },
    });
    expect(made.deployments.assignments()).toEqual({ infer: { bundle: "/bundles/new", parameters: undefined } });
    expect(made.events.map(({ step }) => step)).toEqual(["prepare", "activate", "probation", "settle", "done"]);
    const again = bench(made.path);
    expect(again.deployments.assignments()).toMatchObject({ infer: { bundle: "/bundles/new" } });
  });

  it("is written down before each step", async () => {
    const made = bench();
    made.silent = ["activate"];
    made.deployments.activate("infer", NEW);
    await waitUntil("the step is asked for", () => made.steps.includes("activate"));
    const written = JSON.parse(readFileSync(made.path, "utf8"));
    expect(written.elements.infer).toMatchObject({ active: null, transaction: { step: "activate" } });
  });

  it("that is refused for good puts it in quarantine, with the reason, and what runs goes on", async () => {
    const made = bench();
    made.refuse.prepare = failure("the module does not compile");
    await made.activate(NEW);
    expect(made.steps).toEqual(["prepare /bundles/new", "discard"]);
    expect(made.element).toMatchObject({
      active: null,
      last: { end: "refused", reason: "the module does not compile" },
    });
    expect(() => made.deployments.activate("infer", NEW)).toThrow("is in quarantine: the module does not compile");
    made.refuse = {};
    await made.activate(NEW, { force: true });
    expect(made.element.active).toMatchObject({ name: "new" });
    expect(made.file.content.quarantine).toEqual([]);
  });

  it("that fails for a while only does not", async () => {
    const made = bench();
    made.refuse.prepare = failure('no element "infer" is connected', false);
    await made.activate(NEW);
    expect(made.file.content.quarantine).toEqual([]);
  });

  it("is one at a time for an element, and none for elements that are not there", () => {
    const made = bench();
    made.silent = ["prepare"];
    made.deployments.activate("infer", NEW);
    expect(() => made.deployments.activate("infer", STREET)).toThrow("infer is changing to new 1.0.0 (prepare)");
    made.deployments.activate("tracker", reference("sort"));
    expect(() => made.deployments.activate("osd", NEW)).toThrow('there is no element "osd"; there is: infer, tracker');
  });
});

describe("probation", () => {
  it("takes a bundle back whose module fails, and quarantines it", async () => {
    const made = bench();
    made.deployments.activate("infer", NEW, { probationMs: 20_000 });
    await waitUntil("probation", () => made.element.transaction?.step === "probation");
    expect(made.deployments.assignments()).toMatchObject({ infer: { bundle: "/bundles/new" } });
    made.links = [link({ restarts: 3 })];
    await made.settled();
    expect(made.steps.slice(-3)).toEqual(["prepare /bundles/street", "activate", "settle"]);
    expect(made.element).toMatchObject({
      active: null,
      last: { end: "rolled-back", reason: "its module failed 3 times" },
    });
    expect(made.file.content.quarantine).toMatchObject([
      { bundle: { name: "new" }, reason: "its module failed 3 times" },
    ]);
    expect(made.deployments.assignments()).toEqual({});
    expect(made.served).toEqual(["new", "street"]);
  });

  it("does not count what the bundle before did", async () => {
    const made = bench();
    made.links = [link({ directory: "/bundles/street", restarts: 9 })];
    made.deployments.activate("infer", NEW);
    await waitUntil("probation", () => made.element.transaction?.step === "probation");
    made.links = [link({ restarts: 1 })];
    await made.settled();
    expect(made.element.last?.end).toBe("done");
  });

  it("is not over as long as no element is connected", async () => {
    const made = bench();
    made.links = [];
    made.deployments.activate("infer", NEW);
    await waitUntil("probation", () => made.element.transaction?.step === "probation");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(made.element.transaction?.step).toBe("probation");
    made.links = [link({})];
    await made.settled();
    expect(made.element.last?.end).toBe("done");
  });

  it("takes a bundle back that ends the pipeline process again and again", async () => {
    const made = bench();
    made.deployments.activate("infer", NEW, { probationMs: 20_000 });
    await waitUntil("probation", () => made.element.transaction?.step === "probation");
    for (let i = 0; i < 3; i++) made.deployments.pipelineEnded();
    await made.settled();
    expect(made.element.last).toMatchObject({ end: "rolled-back", reason: "the pipeline process ended 3 times" });
  });

  it("does not hold a bundle to account for the one before", async () => {
    const made = bench();
    const { deployments } = made;
    deployments.activate("infer", NEW);
    await waitUntil("probation", () => made.element.transaction?.step === "probation");
    const what = { ms: 0, framesWithoutObjects: 3, restarts: 6, reason: "the old one trapped" };
    deployments.hear({ type: "incident", instance: "infer", bundle: "/bundles/street", step: "given-up", ...what });
    await made.settled();
    expect(made.element).toMatchObject({ active: { name: "new" }, last: { end: "done" } });
    expect(made.events).toContainEqual(
      expect.objectContaining({ step: "module given-up", bundle: { name: "street", version: "1.0.0" } }),
    );
  });

  it("that cannot go back has the element connect again, so that what failed does not serve on", async () => {
    const made = bench();
    made.deployments.activate("infer", NEW, { probationMs: 20_000 });
    await waitUntil("probation", () => made.element.transaction?.step === "probation");
    made.refuse.prepare = failure("its files are gone");
    made.links = [link({ restarts: 3 })];
    await made.settled();
    expect(made.steps.slice(-2)).toEqual(["prepare /bundles/street", "reconnect"]);
    expect(made.element).toMatchObject({ active: null, last: { end: "rolled-back" } });
    expect(made.deployments.assignments()).toEqual({});
  });

  it("ends when somebody wants the old one back", async () => {
    const made = bench();
    made.deployments.activate("infer", NEW, { probationMs: 20_000 });
    await waitUntil("probation", () => made.element.transaction?.step === "probation");
    expect(made.deployments.rollback("infer")).toMatchObject({ name: "street" });
    await made.settled();
    expect(made.element).toMatchObject({ active: null, last: { end: "rolled-back" } });
    expect(made.file.content.quarantine).toEqual([]);
  });

  it("ends with the postprocess process", async () => {
    const made = bench();
    made.deployments.activate("infer", NEW, { probationMs: 20_000 });
    await waitUntil("probation", () => made.element.transaction?.step === "probation");
    made.deployments.processEnded();
    await made.settled();
    expect(made.element.last).toMatchObject({ end: "rolled-back", reason: "the postprocess process ended" });
  });
});

describe("a module that is given up after its probation", () => {
  const incident = { type: "incident", instance: "infer", bundle: "/bundles/new", step: "given-up" } as const;

  it("makes room for the last bundle that worked", async () => {
    const made = bench();
    await made.activate(NEW);
    made.deployments.hear({ ...incident, reason: "it trapped", ms: 0, framesWithoutObjects: 12, restarts: 6 });
    await made.settled();
    expect(made.element).toMatchObject({ active: null, last: { end: "rolled-back", reason: "it trapped" } });
    expect(made.events).toContainEqual(expect.objectContaining({ step: "module given-up", framesWithoutObjects: 12 }));
    expect(made.events).toContainEqual(expect.objectContaining({ step: "rollback", framesWithoutObjects: 31 }));
    expect(made.file.content.quarantine).toHaveLength(1);
  });

  it("stays when nothing else has ever worked: frames pass through", async () => {
    const made = bench();
    made.deployments.hear({ ...incident, reason: "it trapped", ms: 0, framesWithoutObjects: 12, restarts: 6 });
    expect(made.element.transaction).toBeUndefined();
    expect(made.steps).toEqual([]);
  });
});

describe("a record that cannot be written", () => {
  it("does not keep a change from going on, is said, and is written as soon as that works", async () => {
    const made = bench();
    made.silent = ["prepare"];
    made.deployments.activate("infer", NEW);
    await waitUntil("it is asked for", () => made.steps.length === 1);
    // A directory in the way of the new file: writing fails for root, too.
    mkdirSync(`${made.path}.new`);
    made.release();
    await made.settled();
    expect(made.element).toMatchObject({ active: { name: "new" }, last: { end: "done" } });
    expect(made.events.filter(({ step }) => step === "not written down")).toHaveLength(1);
    expect(made.warnings).toEqual([expect.stringMatching(/cannot be written .*forgotten with a restart/)]);
    expect(() => made.deployments.activate("infer", STREET)).toThrow("cannot be written");
    rmdirSync(`${made.path}.new`);
    await made.activate(STREET);
    expect(JSON.parse(readFileSync(made.path, "utf8")).elements.infer).toMatchObject({ active: { name: "street" } });
    expect(made.warnings.at(-1)).toMatch(/is written again/);
  });
});

describe("a rollback", () => {
  it("goes to what served before, and there is none at first", async () => {
    const made = bench();
    expect(() => made.deployments.rollback("infer")).toThrow("nothing else has served infer");
    await made.activate(NEW);
    made.deployments.rollback("infer");
    await made.settled();
    expect(made.element.active).toMatchObject({ name: "street" });
  });
});

describe("a restart of the supervisor", () => {
  const record = (step: string, changes: object = {}) => ({
    version: 1,
    elements: {
      infer: {
        active: step === "probation" ? { ...NEW, digest: "x" } : null,
        previous: null,
        transaction: {
          to: { ...NEW, digest: "x" },
          plan: { shadowMs: 0, shadowOnly: false, agreement: 0, probationMs: 50, frameRate: 0.8 },
          step,
          startedAt: 1,
          since: 1,
          reason: "",
          interruptions: 0,
          ...changes,
        },
      },
    },
    quarantine: [],
  });
  const resumed = (content: object) => {
    const path = join(folder, `${count++}.json`);
    writeFileSync(path, JSON.stringify(content));
    const made = bench(path);
    made.deployments.resume();
    return made;
  };

  it("in the middle of the preparation leaves everything as it was", () => {
    const made = resumed(record("activate"));
    expect(made.element).toMatchObject({ active: null, last: { end: "interrupted" } });
    expect(made.element.transaction).toBeUndefined();
  });

  it("on probation begins that again", async () => {
    const made = resumed(record("probation"));
    await made.settled();
    expect(made.element).toMatchObject({ active: { name: "new" }, last: { end: "done" } });
  });

  it("again and again on probation takes the bundle back", async () => {
    const made = resumed(record("probation", { interruptions: 2 }));
    await made.settled();
    expect(made.element).toMatchObject({ active: null, last: { end: "rolled-back" } });
    expect(made.file.content.quarantine).toHaveLength(1);
  });

  it("with a file that is damaged begins with the configuration's bundles", () => {
    const path = join(folder, `${count++}.json`);
    writeFileSync(path, "{");
    const warnings: string[] = [];
    expect(new RecordFile(path, (text) => warnings.push(text)).content.elements).toEqual({});
    expect(warnings[0]).toContain("the bundles of the configuration are taken");
  });
});
