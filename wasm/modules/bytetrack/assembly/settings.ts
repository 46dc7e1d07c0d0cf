// The parameters of module.yaml.

import { Parameters } from "../../../sdk";

@final
export class Settings {
  trackThreshold: f64 = 0.5;
  lowThreshold: f64 = 0.1;
  newTrackThreshold: f64 = 0.6;
  matchThreshold: f64 = 0.8;
  trackBuffer: i32 = 30;
  confirmFrames: i32 = 3;
  predictedFrames: i32 = 0;
  classAgnostic: bool = false;
  smoothBoxes: bool = false;
  keepUntracked: bool = false;
  classMemory: i32 = 30;

  read(parameters: Parameters): i32 {
    this.trackThreshold = parameters.number("track-threshold", 0.5, 0, 1);
    this.lowThreshold = parameters.number("low-threshold", 0.1, 0, 1);
    this.newTrackThreshold = parameters.number("new-track-threshold", 0.6, 0, 1);
    this.matchThreshold = parameters.number("match-threshold", 0.8, 0, 1);
    this.trackBuffer = parameters.integer("track-buffer", 30, 0, MANY);
    this.confirmFrames = parameters.integer("confirm-frames", 3, 1, MANY);
    this.predictedFrames = parameters.integer("predicted-frames", 0, 0, MANY);
    this.classAgnostic = parameters.flag("class-agnostic", false);
    this.smoothBoxes = parameters.flag("smooth-boxes", false);
    this.keepUntracked = parameters.flag("keep-untracked", false);
    this.classMemory = parameters.integer("class-memory", 30, 1, MANY);
    return parameters.result;
  }
}

const MANY: i32 = 100_000;
