/** Where the attacks take place: a published repository, its server, who attacks it, and a device; anew for each test. */
import { afterEach, beforeEach } from "vitest";
import type { Walk } from "../../../../services/updater/tuf-client.ts";
import { Forger } from "./forge.ts";
import { TestRepository } from "./repository.ts";
import { StaticServer } from "./static-server.ts";
import { Visitor } from "./visitor.ts";

export interface Scene {
  repository: TestRepository;
  server: StaticServer;
  forger: Forger;
  visitor: Visitor;
  /** Visits every role that a release needs: a walk goes through modules and models only for their targets. */
  everything(): Promise<Walk>;
}

/** To be called once, at the top of a test file; what it returns is filled before each test. */
export function scene(): Scene {
  const at = {} as Scene;
  beforeEach(async () => {
    at.repository = await TestRepository.create({ root: [3, 2] });
    await at.repository.release("1.0.0");
    at.server = await StaticServer.start(at.repository.publicDirectory);
    at.forger = new Forger(at.repository);
    at.visitor = new Visitor(at.server.url, at.repository.firstRoot);
    at.everything = () =>
      at.visitor.visit(async (session, walk) => {
        for (const target of ["modules/street/1.0.0/module.wasm", "models/street/1.0.0/model.onnx"])
          await session.target(target);
        session.keep();
        return walk;
      });
  });
  afterEach(() => at.server.stop());
  return at;
}
