/** What a source does when the pipeline is slower than it. */
import "../../support/plugin.ts";
import { afterEach, expect, it } from "vitest";
import { Element, Pipeline } from "../../../services/pipeline/gst.ts";
import type { SourceSettings } from "../../../services/pipeline/messages.ts";
import { SourceBranch } from "../../../services/pipeline/source-branch.ts";
import { planSource } from "../../../services/pipeline/sources/index.ts";
import { camera, testPattern } from "../../support/pipeline-process.ts";
import { waitUntil } from "../../support/wait.ts";

let pipeline: Pipeline | null = null;

afterEach(() => {
  pipeline?.setState("null");
  pipeline = null;
});

/** Takes about five frames a second. */
function connectToSlowSink(source: SourceSettings): SourceBranch {
  const settings = camera("fast", 0, source, { queueFrames: 3 });
  const branch = new SourceBranch(settings, planSource(source, { retry: 0, provenTransport: null }), 1);
  const slow = Element.make("identity", "slow").set("sleep-time", 200_000);
  const sink = Element.make("fakesink", "sink");
  pipeline = new Pipeline("test");
  for (const element of [branch.bin, slow, sink]) pipeline.add(element);
  branch.output().link(slow.pad("sink"));
  slow.pad("src").link(sink.pad("sink"));
  pipeline.setState("playing");
  return branch;
}

it("a live source drops its oldest frames and counts them, and never more than a few wait", async () => {
  const branch = connectToSlowSink(testPattern({ framerate: 60 }));
  const counters = await waitUntil("dropped frames", () => {
    const seen = branch.counters();
    return seen.dropped > 30 ? seen : undefined;
  });
  expect(counters.decoded - counters.dropped - counters.delivered).toBeLessThanOrEqual(3);
  expect(branch.isHeldBack()).toBe(false);
});

it("a recording waits and loses nothing", async () => {
  const branch = connectToSlowSink(testPattern({ realtime: false }));
  await waitUntil("frames", () => branch.counters().delivered >= 3);
  await waitUntil("a full queue", () => branch.isHeldBack());
  expect(branch.counters()).toMatchObject({ dropped: 0 });
});
