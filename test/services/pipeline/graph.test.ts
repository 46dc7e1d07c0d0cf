/** Sources leave the graph while it plays, in the order of either kind of profile. */
import "../../support/plugin.ts";
import { afterEach, describe, expect, it } from "vitest";
import { Graph } from "../../../services/pipeline/graph.ts";
import { portable } from "../../../services/pipeline/portable-profile.ts";
import { SourceBranch } from "../../../services/pipeline/source-branch.ts";
import { camera, pipelineSettings, testPattern } from "../../support/pipeline-process.ts";
import { waitUntil } from "../../support/wait.ts";

let graph: Graph | null = null;

afterEach(() => {
  graph?.stop();
  graph = null;
});

const settings = { ...pipelineSettings([]), infer: null, analytics: [], payloadFd: null, pictureFd: null };

describe.each(["pad", "source"] as const)("the %s first", (leaves) => {
  it("a source leaves, another plays on, and one can come in its place", async () => {
    const playing = new Graph({ ...portable, leaves }, settings);
    graph = playing;
    expect(playing.play()).toBe(true);
    const join = (id: string, sourceId: number, attempt: number) => {
      const one = camera(id, sourceId, testPattern({ framerate: 60 }));
      const branch = new SourceBranch(one, playing.plan(one.source, { retry: 0, provenTransport: null }), attempt);
      expect(playing.connect(one, branch)).toBe(true);
      return branch;
    };
    const plays = async (branch: SourceBranch, what: string) => {
      const before = branch.counters().delivered;
      await waitUntil(what, () => branch.counters().delivered > before + 5);
    };
    const stays = join("stays", 0, 1);
    for (let attempt = 1; attempt <= 5; attempt++) {
      const guest = join("guest", 1, attempt);
      await plays(guest, "frames of the guest");
      playing.disconnect(1);
      await plays(stays, "frames of the one that stays");
    }
    const errors = [];
    for (let message = playing.nextMessage(); message !== null; message = playing.nextMessage())
      if (message.type === "error") errors.push(message.text);
    expect(errors).toEqual([]);
  });
});
