// From logits to probabilities and back. Math is compiled into the module: the same bits on every machine.

/** 1 / (1 + e^-x): 0..1; NaN stays NaN. */
export function sigmoid(logit: f32): f32 {
  return <f32>(1 / (1 + Math.exp(-(<f64>logit))));
}

/** The logit of a probability: -infinity for 0, +infinity for 1. */
export function logitOf(probability: f64): f32 {
  return <f32>Math.log(probability / (1 - probability));
}
