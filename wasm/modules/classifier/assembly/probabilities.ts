// The probabilities of one classifier, and the best of them one after the other. Numbers that are none (NaN, infinities) take no part.

import { Tensor } from "../../../sdk";

export namespace Activation {
  /** Logits of classes that exclude each other. */
  export const Softmax: u32 = 0;
  /** Logits of classes that are independent. */
  export const Sigmoid: u32 = 1;
  /** The model has done it: 0..1. */
  export const None: u32 = 2;
}

/** Below every probability: no number, or taken already. */
const NOTHING: f32 = -1;

@final
export class Probabilities {
  private readonly values: StaticArray<f32>;
  private count: i32 = 0;
  private given: f32 = 0;

  /** `capacity` classes at most. */
  constructor(capacity: i32) {
    this.values = new StaticArray<f32>(capacity);
  }

  /** Reads the numbers of a frame. */
  take(tensor: Tensor, activation: u32): void {
    this.count = tensor.length;
    const highest = activation == Activation.Softmax ? this.highest(tensor) : 0;
    const sum = activation == Activation.Softmax ? this.sumOfExponentials(tensor, highest) : 1;
    for (let i = 0; i < this.count; i++) {
      const value = <f64>tensor.at(i);
      this.values[i] = isFinite(value) ? probability(value, activation, highest, sum) : NOTHING;
    }
  }

  /** Probability of the class that `next` gave last. */
  get last(): f32 {
    return this.given;
  }

  /** The best class that was not given yet, the first among equals; -1 when none has at least `threshold`. */
  next(threshold: f32): i32 {
    let best = -1;
    let score = threshold;
    for (let i = 0; i < this.count; i++) {
      const own = unchecked(this.values[i]);
      if (best < 0 ? own >= score : own > score) {
        best = i;
        score = own;
      }
    }
    if (best < 0) return -1;
    this.given = score;
    this.values[best] = NOTHING;
    return best;
  }

  private highest(tensor: Tensor): f64 {
    let highest: f64 = -Infinity;
    for (let i = 0; i < this.count; i++) {
      const value = <f64>tensor.at(i);
      if (isFinite(value)) highest = max(highest, value);
    }
    return highest;
  }

  private sumOfExponentials(tensor: Tensor, highest: f64): f64 {
    let sum: f64 = 0;
    for (let i = 0; i < this.count; i++) {
      const value = <f64>tensor.at(i);
      if (isFinite(value)) sum += Math.exp(value - highest);
    }
    return sum;
  }
}

/** 0..1; what "none" gives beyond is cut. */
function probability(value: f64, activation: u32, highest: f64, sum: f64): f32 {
  if (activation == Activation.Softmax) return <f32>(Math.exp(value - highest) / sum);
  if (activation == Activation.Sigmoid) return <f32>(1 / (1 + Math.exp(-value)));
  return <f32>min(max(value, 0), 1);
}
