import { defineConfig } from "vitest/config";

// Tests start real processes (brokers, RTSP servers, pipelines) on a machine of two cores: files run two at a time, and
// a test waits on conditions with deadlines of its own rather than on this limit.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/bench/**"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
});
