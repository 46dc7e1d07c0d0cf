// From prototypes and coefficients to the mask of one object: sums where its box lies, then one value for each cell of a grid
// over the box, bilinear between the prototypes' pixels, as enlarging the sums to the picture would give at the cell's centre.

import { FieldView, Frame, ObjectRecord, Setup } from "../../../sdk";
import { Prototypes } from "./prototypes";

@final
export class MaskMaker {
  /** Most cells of a mask's side. */
  longestSide: i32 = 80;
  private readonly sums: usize;
  /** Prototype pixels of one pixel of the network. */
  private readonly scaleX: f32;
  private readonly scaleY: f32;
  // The part of the prototypes under the box.
  private left: i32 = 0;
  private top: i32 = 0;
  private width: i32 = 0;
  private height: i32 = 0;

  constructor(
    setup: Setup,
    private readonly prototypes: Prototypes,
  ) {
    this.scaleX = <f32>prototypes.width / <f32>max(setup.networkWidth, 1);
    this.scaleY = <f32>prototypes.height / <f32>max(setup.networkHeight, 1);
    this.sums = heap.alloc((<usize>(prototypes.width * prototypes.height)) << 2);
  }

  /** Adds the mask of an object; false when the frame's arena is full. */
  add(frame: Frame, object: ObjectRecord, coefficients: FieldView, anchor: i32): bool {
    const columns = this.cells(object.width * this.scaleX);
    const rows = this.cells(object.height * this.scaleY);
    const mask = frame.addMask(object, columns, rows);
    if (mask == 0) return false;
    this.findPart(object);
    this.sum(coefficients, anchor);
    for (let row = 0; row < rows; row++) {
      const y = (object.top + (object.height * (<f32>row + 0.5)) / <f32>rows) * this.scaleY - 0.5;
      for (let column = 0; column < columns; column++) {
        const x = (object.left + (object.width * (<f32>column + 0.5)) / <f32>columns) * this.scaleX - 0.5;
        store<f32>(mask + ((<usize>(row * columns + column)) << 2), this.valueAt(x, y));
      }
    }
    return true;
  }

  /** Cells of a side of so many prototype pixels: one each, within bounds. */
  private cells(pixels: f32): i32 {
    return max(1, <i32>min(ceil(pixels), <f32>this.longestSide));
  }

  /** Every pixel that a cell's value may be taken from; at least one, also for a box outside. */
  private findPart(object: ObjectRecord): void {
    const right = within((object.left + object.width) * this.scaleX + 1, this.prototypes.width);
    const bottom = within((object.top + object.height) * this.scaleY + 1, this.prototypes.height);
    this.left = within(object.left * this.scaleX - 1, this.prototypes.width);
    this.top = within(object.top * this.scaleY - 1, this.prototypes.height);
    this.width = right - this.left + 1;
    this.height = bottom - this.top + 1;
  }

  private sum(coefficients: FieldView, anchor: i32): void {
    memory.fill(this.sums, 0, (<usize>(this.width * this.height)) << 2);
    for (let k = 0; k < this.prototypes.count; k++) {
      const weight = coefficients.at(anchor, k);
      for (let row = 0; row < this.height; row++) {
        const sums = this.sums + ((<usize>(row * this.width)) << 2);
        this.prototypes.addRow(k, weight, this.top + row, this.left, this.width, sums);
      }
    }
  }

  /** 0..1 at a place in prototype pixels; the edge goes on outside. NaN becomes 0. */
  private valueAt(x: f32, y: f32): f32 {
    const column = clampTo(x - <f32>this.left, this.width);
    const row = clampTo(y - <f32>this.top, this.height);
    const column0 = <i32>column;
    const row0 = <i32>row;
    const column1 = min(column0 + 1, this.width - 1);
    const row1 = min(row0 + 1, this.height - 1);
    const alongX = column - <f32>column0;
    const alongY = row - <f32>row0;
    const above = mix(this.sumAt(column0, row0), this.sumAt(column1, row0), alongX);
    const below = mix(this.sumAt(column0, row1), this.sumAt(column1, row1), alongX);
    const value: f32 = <f32>1 / (<f32>1 + Mathf.exp(-mix(above, below, alongY)));
    return value >= 0 ? value : <f32>0;
  }

  private sumAt(column: i32, row: i32): f32 {
    return load<f32>(this.sums + ((<usize>(row * this.width + column)) << 2));
  }
}

function mix(from: f32, to: f32, part: f32): f32 {
  return from + (to - from) * part;
}

/** A place along a side of `size` pixels. */
function clampTo(place: f32, size: i32): f32 {
  return max<f32>(0, min<f32>(place, <f32>(size - 1)));
}

function within(place: f32, size: i32): i32 {
  return <i32>clampTo(place, size);
}
