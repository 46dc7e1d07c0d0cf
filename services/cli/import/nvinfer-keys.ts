/**
 * What becomes of each key of Gst-nvinfer's configuration (DeepStream 7.1 to 9.1). `taken`: the bundle or the settings say the
 * same. `moot`: what it does does not exist here, or happens by itself. Any other text: what has no counterpart, and what to do.
 */
export const TAKEN = "taken";
const ENGINE_OF_ITS_OWN = "moot: the engine is chosen by the bundle (model.engine), and its precision is the model's";
const MEMORY = "moot: memory is managed by the element";
const DUMP = "moot: nightjar record keeps what goes in and comes out (docs/reference/recording.md)";
const NO_DLA = "the deep-learning accelerator of Jetsons is not used: models run on the GPU";
const NO_CREATOR = "engines are not made from networks of other kinds: export the model to ONNX";

const OLD_FORMAT = "networks of Caffe and UFF are not read: export the model to ONNX";

export const PROPERTY_KEYS: Readonly<Record<string, string>> = {
  "net-scale-factor": TAKEN,
  offsets: TAKEN,
  "model-color-format": TAKEN,
  "maintain-aspect-ratio": TAKEN,
  "symmetric-padding": TAKEN,
  "network-input-order": TAKEN,
  "infer-dims": TAKEN,
  "labelfile-path": TAKEN,
  "num-detected-classes": TAKEN,
  "onnx-file": TAKEN,
  "model-engine-file": TAKEN,
  "network-type": TAKEN,
  "cluster-mode": TAKEN,
  interval: TAKEN,
  "filter-out-class-ids": TAKEN,
  "process-mode": TAKEN,
  "classifier-threshold": TAKEN,
  "parse-bbox-func-name": TAKEN,
  "parse-bbox-instance-mask-func-name": TAKEN,
  "parse-classifier-func-name": TAKEN,
  "parse-segmentation-func-name": TAKEN,
  "custom-lib-path": TAKEN,
  "gie-unique-id": TAKEN,
  "operate-on-gie-id": TAKEN,
  "operate-on-class-ids": TAKEN,
  "output-tensor-meta": TAKEN,
  "batch-size": "moot: a batch has a frame of each camera, as many as there are",
  "gpu-id": "moot: njinfer has the property gpu-id; nightjar.yaml has pipeline.deepstream.gpu",
  "network-mode": ENGINE_OF_ITS_OWN,
  "int8-calib-file": ENGINE_OF_ITS_OWN,
  "layer-device-precision": ENGINE_OF_ITS_OWN,
  "output-io-formats": ENGINE_OF_ITS_OWN,
  "workspace-size": ENGINE_OF_ITS_OWN,
  "strongly-typed": ENGINE_OF_ITS_OWN,
  "force-implicit-batch-dim": ENGINE_OF_ITS_OWN,
  "warmup-engine": "moot: each model is run once before it serves",
  "output-blob-names": "moot: the module gets every output",
  "auto-inc-mem": MEMORY,
  "max-gpu-mem-per": MEMORY,
  "tensor-meta-pool-size": MEMORY,
  "disable-output-host-copy": MEMORY,
  "scaling-filter": "frames are scaled bilinearly, always: compare results near small objects",
  "scaling-compute-hw": "moot: one step on the GPU (or the CPU) scales, converts and normalises",
  "dump-input-tensor": DUMP,
  "dump-output-tensor": DUMP,
  "overwrite-input-tensor": DUMP,
  "overwrite-output-tensor": DUMP,
  "ip-tensor-file": DUMP,
  "op-tensor-files": DUMP,
  "raw-output-file-write": DUMP,
  "mean-file": "a mean picture has no counterpart: give one mean per colour (offsets)",
  "input-tensor-from-meta":
    "tensors of nvdspreprocess are not taken: njinfer prepares its input itself, from whole frames or objects",
  "enable-dla": NO_DLA,
  "use-dla-core": NO_DLA,
  "engine-create-func-name": NO_CREATOR,
  "custom-network-config": NO_CREATOR,
  "is-classifier": TAKEN,
  "model-file": OLD_FORMAT,
  "proto-file": OLD_FORMAT,
  "uff-file": OLD_FORMAT,
  "uff-input-blob-name": OLD_FORMAT,
  "uff-input-dims": OLD_FORMAT,
  "uff-input-order": OLD_FORMAT,
  "input-dims": OLD_FORMAT,
  "tlt-encoded-model": "encrypted models are not read: export the model to ONNX",
  "tlt-model-key": "encrypted models are not read: export the model to ONNX",
  "segmentation-threshold": "semantic segmentation has no module yet; instance masks come from yolo-seg",
  "segmentation-output-order": "semantic segmentation has no module yet; instance masks come from yolo-seg",
  "output-instance-mask": "moot: masks are attached wherever the module gives them",
  "classifier-type": "set njinfer's property classifier-type in your pipeline: it names the attribute",
  "classifier-async-mode":
    "classification is synchronous: an object has its attributes in the frame in which it was looked at",
  "secondary-reinfer-interval": "every object is looked at in every frame that is inferred; interval makes these fewer",
  "input-object-min-width": "secondary: objects of any size are looked at",
  "input-object-min-height": "secondary: objects of any size are looked at",
  "input-object-max-width": "secondary: objects of any size are looked at",
  "input-object-max-height": "secondary: objects of any size are looked at",
  "crop-objects-to-roi-boundary": "regions are the zones' business: see docs/reference/zones.md",
  "dynamic-properties": "moot: Gst-nvinfer only prints most of these",
  "stabilize-buffer-count": "moot: no frame is dropped at the start",
};

const CLUSTERING = "only non-maximum suppression is there: compare results, and set iou-threshold";
const REGION = "regions are the zones' business: see docs/reference/zones.md";
const COLOURS = "moot: colours of boxes are njosd's";

export const CLASS_KEYS: Readonly<Record<string, string>> = {
  "pre-cluster-threshold": TAKEN,
  threshold: TAKEN,
  "post-cluster-threshold": TAKEN,
  "nms-iou-threshold": TAKEN,
  topk: TAKEN,
  "detected-min-w": TAKEN,
  "detected-min-h": TAKEN,
  "detected-max-w": TAKEN,
  "detected-max-h": TAKEN,
  eps: CLUSTERING,
  minBoxes: CLUSTERING,
  "dbscan-min-score": CLUSTERING,
  "group-threshold": CLUSTERING,
  "roi-top-offset": REGION,
  "roi-bottom-offset": REGION,
  "border-color": COLOURS,
  "bg-color": COLOURS,
};
