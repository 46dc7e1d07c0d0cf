// Which track goes with which object: the pairs with the highest sum of benefits, nobody in two pairs.
//
// A benefit is how far a pair's distance is below the threshold; pairs without one are not made. Most tracks touch one
// object only, so the problem falls apart into small islands, each solved exactly (Hungarian method).

const NONE: i32 = -1;

@final
export class Assignment {
  /** After solve(): the column of a row, or -1. */
  readonly columnOf: StaticArray<i32>;
  /** After solve(): the row of a column, or -1. */
  readonly rowOf: StaticArray<i32>;
  private rows: i32 = 0;
  private columns: i32 = 0;
  // The pairs that may be made, row by row: few of all that there are.
  private edgeCount: i32 = 0;
  private readonly benefits: StaticArray<f64>;
  private readonly edgeRow: StaticArray<i32>;
  private readonly edgeColumn: StaticArray<i32>;
  private readonly edgeNext: StaticArray<i32>; // the next one of its column
  private readonly rowStart: StaticArray<i32>; // the edges of row r: rowStart[r] to rowStart[r + 1]
  private readonly columnFirst: StaticArray<i32>;
  private readonly columnLast: StaticArray<i32>;
  private begunRows: i32 = 0;
  private readonly rowSeen: StaticArray<bool>;
  /** In its island; -1 for none yet. */
  private readonly columnPlace: StaticArray<i32>;
  // One island: its rows and columns, in order of discovery.
  private readonly islandRows: StaticArray<i32>;
  private readonly islandColumns: StaticArray<i32>;
  private rowCount: i32 = 0;
  private columnCount: i32 = 0;
  private readonly hungarian: Hungarian;

  constructor(maxRows: i32, maxColumns: i32) {
    this.columnOf = new StaticArray<i32>(maxRows);
    this.rowOf = new StaticArray<i32>(maxColumns);
    this.benefits = new StaticArray<f64>(maxRows * maxColumns);
    this.edgeRow = new StaticArray<i32>(maxRows * maxColumns);
    this.edgeColumn = new StaticArray<i32>(maxRows * maxColumns);
    this.edgeNext = new StaticArray<i32>(maxRows * maxColumns);
    this.rowStart = new StaticArray<i32>(maxRows + 1);
    this.columnFirst = new StaticArray<i32>(maxColumns);
    this.columnLast = new StaticArray<i32>(maxColumns);
    this.rowSeen = new StaticArray<bool>(maxRows);
    this.columnPlace = new StaticArray<i32>(maxColumns);
    this.islandRows = new StaticArray<i32>(maxRows);
    this.islandColumns = new StaticArray<i32>(maxColumns);
    this.hungarian = new Hungarian(maxRows, maxColumns);
  }

  /** Begins a problem without any pair. */
  begin(rows: i32, columns: i32): void {
    this.rows = rows;
    this.columns = columns;
    this.edgeCount = 0;
    this.begunRows = 0;
    for (let column = 0; column < columns; column++) {
      unchecked((this.columnFirst[column] = NONE));
      unchecked((this.columnLast[column] = NONE));
    }
  }

  /** The pair may be made; `benefit` is above 0. Rows come in ascending order. */
  set(row: i32, column: i32, benefit: f64): void {
    this.beginRows(row);
    const edge = this.edgeCount++;
    unchecked((this.benefits[edge] = benefit));
    unchecked((this.edgeRow[edge] = row));
    unchecked((this.edgeColumn[edge] = column));
    unchecked((this.edgeNext[edge] = NONE));
    const last = unchecked(this.columnLast[column]);
    if (last < 0) unchecked((this.columnFirst[column] = edge));
    else unchecked((this.edgeNext[last] = edge));
    unchecked((this.columnLast[column] = edge));
  }

  solve(): void {
    this.beginRows(this.rows);
    for (let row = 0; row < this.rows; row++) {
      this.columnOf[row] = NONE;
      this.rowSeen[row] = false;
    }
    for (let column = 0; column < this.columns; column++) {
      this.rowOf[column] = NONE;
      this.columnPlace[column] = NONE;
    }
    for (let row = 0; row < this.rows; row++) if (!this.rowSeen[row]) this.solveIsland(row);
  }

  /** The edges of this row, and of those before it that have none, begin here. */
  private beginRows(row: i32): void {
    while (this.begunRows <= row) unchecked((this.rowStart[this.begunRows++] = this.edgeCount));
  }

  private solveIsland(first: i32): void {
    this.explore(first);
    if (this.columnCount == 0) return;
    if (this.rowCount == 1 && this.columnCount == 1) {
      this.pair(first, this.islandColumns[0]);
      return;
    }
    const hungarian = this.hungarian;
    hungarian.begin(this.rowCount, this.columnCount);
    for (let i = 0; i < this.rowCount; i++) this.setCosts(i);
    hungarian.solve();
    for (let k = 0; k < this.columnCount; k++) {
      const i = hungarian.rowOf(k);
      if (i == NONE) continue;
      if (hungarian.realCost(i, k) < 0) this.pair(this.islandRows[i], this.islandColumns[k]);
    }
  }

  private setCosts(i: i32): void {
    const row = this.islandRows[i];
    for (let edge = this.rowStart[row]; edge < this.rowStart[row + 1]; edge++) {
      this.hungarian.set(i, this.columnPlace[this.edgeColumn[edge]], -this.benefits[edge]);
    }
  }

  /** Collects everything that hangs together with row `first`. */
  private explore(first: i32): void {
    this.islandRows[0] = first;
    this.rowSeen[first] = true;
    this.rowCount = 1;
    this.columnCount = 0;
    let nextColumn = 0;
    for (let next = 0; next < this.rowCount; next++) {
      this.addColumnsOf(this.islandRows[next]);
      for (; nextColumn < this.columnCount; nextColumn++) this.addRowsOf(this.islandColumns[nextColumn]);
    }
  }

  private addColumnsOf(row: i32): void {
    for (let edge = this.rowStart[row]; edge < this.rowStart[row + 1]; edge++) {
      const column = this.edgeColumn[edge];
      if (this.columnPlace[column] >= 0) continue;
      this.columnPlace[column] = this.columnCount;
      this.islandColumns[this.columnCount++] = column;
    }
  }

  private addRowsOf(column: i32): void {
    for (let edge = this.columnFirst[column]; edge >= 0; edge = this.edgeNext[edge]) {
      const row = this.edgeRow[edge];
      if (this.rowSeen[row]) continue;
      this.rowSeen[row] = true;
      this.islandRows[this.rowCount++] = row;
    }
  }

  private pair(row: i32, column: i32): void {
    this.columnOf[row] = column;
    this.rowOf[column] = row;
  }
}

/**
 * The Hungarian method with potentials (shortest augmenting paths), for costs of 0 and below. Every row may also stay
 * alone at cost 0: there are as many spare columns of cost 0 as rows.
 */
@final
class Hungarian {
  private rows: i32 = 0;
  private columns: i32 = 0; // spare ones included
  private realColumns: i32 = 0;
  private readonly costs: StaticArray<f64>;
  private readonly rowPotential: StaticArray<f64>;
  private readonly columnPotential: StaticArray<f64>;
  private readonly shortest: StaticArray<f64>;
  private readonly owner: StaticArray<i32>; // row of a column; index `columns` is the root of the search
  private readonly previous: StaticArray<i32>; // column before this one on the path
  private readonly visited: StaticArray<bool>;

  constructor(maxRows: i32, maxColumns: i32) {
    const columns = maxColumns + maxRows + 1;
    this.costs = new StaticArray<f64>(maxRows * maxColumns);
    this.rowPotential = new StaticArray<f64>(maxRows);
    this.columnPotential = new StaticArray<f64>(columns);
    this.shortest = new StaticArray<f64>(columns);
    this.owner = new StaticArray<i32>(columns);
    this.previous = new StaticArray<i32>(columns);
    this.visited = new StaticArray<bool>(columns);
  }

  /** Begins a problem with all costs 0. */
  begin(rows: i32, columns: i32): void {
    this.rows = rows;
    this.realColumns = columns;
    memory.fill(changetype<usize>(this.costs), 0, (<usize>(rows * columns)) << 3);
    this.columns = columns + rows;
    for (let row = 0; row < rows; row++) this.rowPotential[row] = 0;
    for (let column = 0; column <= this.columns; column++) {
      this.columnPotential[column] = 0;
      this.owner[column] = NONE;
    }
  }

  set(row: i32, column: i32, cost: f64): void {
    unchecked((this.costs[row * this.realColumns + column] = cost));
  }

  /** The row of a real column, -1 when it stays alone. */
  rowOf(column: i32): i32 {
    return this.owner[column];
  }

  solve(): void {
    for (let row = 0; row < this.rows; row++) this.flip(this.search(row));
  }

  /** Finds a free column for the row at the end of the cheapest path through taken ones. */
  private search(row: i32): i32 {
    const root = this.columns;
    this.owner[root] = row;
    for (let column = 0; column <= root; column++) {
      this.shortest[column] = Infinity;
      this.visited[column] = false;
    }
    let column = root;
    while (this.owner[column] != NONE) {
      this.visited[column] = true;
      column = this.step(column);
    }
    return column;
  }

  /** Looks from a column's row at all others; moves the potentials to the nearest and returns it. */
  private step(from: i32): i32 {
    const row = this.owner[from];
    let nearest = NONE;
    let distance: f64 = Infinity;
    for (let column = 0; column < this.columns; column++) {
      if (unchecked(this.visited[column])) continue;
      const reduced =
        this.cost(row, column) - unchecked(this.rowPotential[row]) - unchecked(this.columnPotential[column]);
      if (reduced < unchecked(this.shortest[column])) {
        unchecked((this.shortest[column] = reduced));
        unchecked((this.previous[column] = from));
      }
      // Among equals a free column ends the search at once.
      const here = unchecked(this.shortest[column]);
      if (
        here < distance ||
        (here == distance && unchecked(this.owner[nearest]) != NONE && unchecked(this.owner[column]) == NONE)
      ) {
        distance = here;
        nearest = column;
      }
    }
    this.shift(distance);
    return nearest;
  }

  private shift(distance: f64): void {
    for (let column = 0; column <= this.columns; column++) {
      if (unchecked(this.visited[column])) {
        const row = unchecked(this.owner[column]);
        unchecked((this.rowPotential[row] += distance));
        unchecked((this.columnPotential[column] -= distance));
      } else {
        unchecked((this.shortest[column] -= distance));
      }
    }
  }

  /** Gives every column of the path to the row before it. */
  private flip(end: i32): void {
    let column = end;
    while (column != this.columns) {
      const before = this.previous[column];
      this.owner[column] = this.owner[before];
      column = before;
    }
    this.owner[this.columns] = NONE;
  }

  realCost(row: i32, column: i32): f64 {
    return unchecked(this.costs[row * this.realColumns + column]);
  }

  private cost(row: i32, column: i32): f64 {
    return column < this.realColumns ? unchecked(this.costs[row * this.realColumns + column]) : 0;
  }
}
