// Strokes -> pixels, the same in every browser and in Python: a canvas rounds the soft edges of strokes as it likes, and
// now and then another pixel makes another answer. Every operation here stands in `inkdigit.drawing`, in the same order.

/** @typedef {import("./paper.js").Crop} Crop */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./strokes.js").Point} Point */
/** @typedef {{ readonly start: Point, readonly end: Point }} Piece */

/** Pixels that a curve may stand off the straight pieces it is painted in. */
const FLAT = 0.02;
/** Pixels, the longest such piece. */
const PIECE = 16;
const TINY = 1e-9;
/** Half a pixel's diagonal, and a little: so far from its edge a stroke covers all of a pixel or nothing. */
const SOFT = 0.75;

/**
 * Paint a piece of paper: round pens, round ends, curves through the middles of neighbouring points, soft edges.
 *
 * @param {Drawing} drawing
 * @param {Crop} crop In whole drawing units, each a pixel.
 * @returns {Uint8Array} Row by row, 255 is paper and 0 is full ink.
 */
export function paint(drawing, { left, top, width, height }) {
  const bare = new Float64Array(width * height).fill(1);
  const covered = new Float64Array(width * height);
  for (const stroke of drawing) {
    const path = stroke.points.map(({ x, y }) => ({ x: x - left, y: y - top }));
    const area = areaOf(path, stroke.width / 2, width, height);
    for (const piece of piecesOf(path)) cover(covered, width, height, piece, stroke.width / 2);
    lay(bare, covered, area, width);
  }
  const levels = new Uint8Array(width * height);
  for (let i = 0; i < levels.length; i += 1) levels[i] = Math.floor(255 * at(bare, i) + 0.5);
  return levels;
}

/**
 * How many pixels are looked at to paint a drawing, at most: what a server's time goes by, and what it limits.
 *
 * @param {Drawing} drawing
 */
export function paintingCost(drawing) {
  return drawing.reduce((sum, { width, points }) => {
    const pieces = piecesOf(points);
    const longest = pieces.reduce((most, { start, end }) => Math.max(most, Math.abs(end.x - start.x), Math.abs(end.y - start.y)), 0);
    return sum + pieces.length * (Math.ceil(longest + width) + 3) ** 2;
  }, 0);
}

/** @typedef {{ readonly left: number, readonly top: number, readonly right: number, readonly bottom: number }} Area Whole pixels. */

/**
 * @param {readonly Point[]} points
 * @param {number} radius
 * @param {number} width
 * @param {number} height
 * @returns {Area} The pixels that a pen may touch on its way through the points.
 */
function areaOf(points, radius, width, height) {
  const area = { left: width, top: height, right: 0, bottom: 0 };
  for (const { x, y } of points) {
    area.left = Math.min(area.left, Math.max(Math.floor(x - radius - 1), 0));
    area.top = Math.min(area.top, Math.max(Math.floor(y - radius - 1), 0));
    area.right = Math.max(area.right, Math.min(Math.ceil(x + radius + 1), width));
    area.bottom = Math.max(area.bottom, Math.min(Math.ceil(y + radius + 1), height));
  }
  return area;
}

/**
 * Take what a stroke covers off the bare paper.
 *
 * @param {Float64Array} bare Is changed.
 * @param {Float64Array} covered Is cleared for the next stroke.
 * @param {Area} area
 * @param {number} width
 */
function lay(bare, covered, { left, top, right, bottom }, width) {
  for (let row = top; row < bottom; row += 1) {
    for (let place = row * width + left; place < row * width + right; place += 1) {
      bare[place] = at(bare, place) * (1 - at(covered, place));
      covered[place] = 0;
    }
  }
}

/**
 * @param {readonly Point[]} path
 * @returns {Piece[]} The curve through the middles of neighbouring points, in straight pieces.
 */
function piecesOf(path) {
  const [first, last] = [path[0], path[path.length - 1]];
  if (first === undefined || last === undefined) return [];
  if (path.length === 1) return [{ start: first, end: first }];
  const pieces = [];
  let start = first;
  for (let i = 1; i < path.length - 1; i += 1) {
    const [corner, next] = [path[i] ?? last, path[i + 1] ?? last];
    const end = middleOf(corner, next);
    pieces.push(...cut(start, corner, end));
    start = end;
  }
  return [...pieces, ...cut(start, middleOf(start, last), last)];
}

/**
 * @param {Point} a
 * @param {Point} b
 */
function middleOf(a, b) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/**
 * A curve in so many straight pieces that they hardly stand off it, and none is long.
 *
 * @param {Point} start
 * @param {Point} corner
 * @param {Point} end
 * @returns {Piece[]}
 */
function cut(start, corner, end) {
  const bend = lengthOf(start.x - 2 * corner.x + end.x, start.y - 2 * corner.y + end.y);
  const way = lengthOf(corner.x - start.x, corner.y - start.y) + lengthOf(end.x - corner.x, end.y - corner.y);
  const count = Math.max(Math.ceil(Math.max(Math.sqrt(bend / (4 * FLAT)), way / PIECE)), 1);
  const on = (/** @type {number} */ share) => {
    const left = 1 - share;
    const mix = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ c) =>
      left * left * a + 2 * share * left * b + share * share * c;
    return { x: mix(start.x, corner.x, end.x), y: mix(start.y, corner.y, end.y) };
  };
  return Array.from({ length: count }, (_, i) => ({ start: on(i / count), end: on((i + 1) / count) }));
}

/**
 * `Math.hypot` may differ from one browser to the next in its last bit.
 *
 * @param {number} x
 * @param {number} y
 */
function lengthOf(x, y) {
  return Math.sqrt(x * x + y * y);
}

/**
 * Where a straight piece covers more of a pixel than those before it.
 *
 * @param {Float64Array} covered Is changed.
 * @param {number} width
 * @param {number} height
 * @param {Piece} piece
 * @param {number} radius Of the pen.
 */
function cover(covered, width, height, { start, end }, radius) {
  const area = areaOf([start, end], radius, width, height);
  const alongX = end.x - start.x;
  const alongY = end.y - start.y;
  const length = Math.max(alongX * alongX + alongY * alongY, TINY);
  const forX = alongX / length;
  const forY = alongY / length;
  for (let row = area.top; row < area.bottom; row += 1) {
    const y = row + 0.5 - start.y;
    for (let column = area.left; column < area.right; column += 1) {
      const place = row * width + column;
      if (covered[place] === 1) continue;
      const x = column + 0.5 - start.x;
      const share = Math.min(Math.max(x * forX + y * forY, 0), 1);
      const offX = Math.abs(x - share * alongX);
      const offY = Math.abs(y - share * alongY);
      const distance = lengthOf(offX, offY);
      const part = coveredShare(radius - distance, offX, offY, Math.max(distance, TINY));
      if (part > at(covered, place)) covered[place] = part;
    }
  }
}

/**
 * The share of a pixel on the inner side of a straight edge.
 *
 * @param {number} depth Of its centre behind the edge, in pixels; negative in front of it.
 * @param {number} across How far the edge's normal leads to either side.
 * @param {number} down How far it leads up or down.
 * @param {number} distance Its length.
 */
function coveredShare(depth, across, down, distance) {
  if (depth > SOFT) return 1;
  if (depth < -SOFT) return 0;
  const steep = Math.max(across, down) / distance;
  const flat = Math.min(across, down) / distance;
  const past = Math.abs(depth);
  const over = Math.max((steep + flat) / 2 - past, 0);
  const corner = (over * over) / (2 * steep * flat + TINY);
  const far = Math.min(Math.max(past <= (steep - flat) / 2 ? 0.5 - past / (steep + TINY) : corner, 0), 0.5);
  return depth > 0 ? 1 - far : far;
}

/**
 * @param {Float64Array} numbers
 * @param {number} place That they have.
 */
function at(numbers, place) {
  return /** @type {number} */ (numbers[place]);
}
