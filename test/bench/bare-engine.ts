// A bare onnxruntime-node loop: the upper bound for a pipeline on this machine. Nothing is read, decoded or published.
//
// usage: node test/bench/bare-engine.ts MODEL BATCH THREADS RUNS      prints seconds for RUNS runs as JSON
import { InferenceSession, Tensor } from "onnxruntime-node";

const [model = "", batch = "1", threads = "1", runs = "100"] = process.argv.slice(2);
const session = await InferenceSession.create(model, {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: "0" } } },
});
const input = session.inputMetadata[0];
if (!input?.isTensor) throw new Error(`${model}: the first input is no tensor`);
const [height, width] = input.shape.slice(2).map(Number) as [number, number];
const data = new Float32Array(Number(batch) * 3 * height * width).map((_, i) => (i % 255) / 255);
const tensor = new Tensor("float32", data, [Number(batch), 3, height, width]);
for (let i = 0; i < 5; i++) await session.run({ [input.name]: tensor });
const cpuBefore = process.cpuUsage();
const started = performance.now();
for (let i = 0; i < Number(runs); i++) await session.run({ [input.name]: tensor });
const seconds = (performance.now() - started) / 1000;
const cpu = process.cpuUsage(cpuBefore);
console.log(JSON.stringify({ seconds, cpu: (cpu.user + cpu.system) / 1e6 }));
