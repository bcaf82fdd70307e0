// Where the three planes lie in a stack. The stack is an array of shape (S, H, W) whose axes run
// towards three letters of R L A P S I: "SPL" is a stack of axial slices, anterior up, the
// patient's right on the left.

export const OPPOSITE = { S: "I", I: "S", A: "P", P: "A", L: "R", R: "L" };
export const SIDES = { S: "superior", I: "inferior", A: "anterior", P: "posterior", L: "left",
  R: "right" };
// Towards which a plane's slices, rows and columns run, radiological.
export const PLANES = { axial: "SPL", coronal: "AIL", sagittal: "RIP" };

// One direction of a picture in the stack: which axis, and whether it runs along or against it.
function direction(stack, letter) {
  const along = stack.axes.indexOf(letter);
  const axis = along >= 0 ? along : stack.axes.indexOf(OPPOSITE[letter]);
  const stride = [stack.height * stack.width, stack.width, 1][axis];
  return { letter, axis, reversed: along < 0, stride, count: stack.shape[axis],
    mm: stack.spacing[axis] };
}

export function planeOf(stack, name, convention) {
  let [normal, rows, columns] = PLANES[name];
  if (convention === "neurological" && columns === "L") columns = "R";
  return { name, convention, native: direction(stack, normal).axis === 0,
    normal: direction(stack, normal), rows: direction(stack, rows),
    columns: direction(stack, columns) };
}

export function nativePlane(stack) {
  return Object.keys(PLANES).find((name) =>
    [PLANES[name][0], OPPOSITE[PLANES[name][0]]].includes(stack.axes[0]));
}

// Voxel index <-> position along a direction; its own inverse. Edges (0 … count) with `edge` true.
export function turned({ reversed, count }, position, edge = false) {
  return reversed ? count - (edge ? 0 : 1) - position : position;
}

// Copies one plane of a stack array to `out`, row by row.
export function gatherPlane(source, plane, cross, out) {
  const { normal, rows, columns } = plane;
  const step = (side) => (side.reversed ? -side.stride : side.stride);
  const first = (side) => (side.reversed ? (side.count - 1) * side.stride : 0);
  const start = cross[normal.axis] * normal.stride + first(rows) + first(columns);
  const [down, right] = [step(rows), step(columns)];
  for (let row = 0, i = 0; row < rows.count; row++) {
    let p = start + row * down;
    if (right === 1) {
      out.set(source.subarray(p, p + columns.count), i);
      i += columns.count;
    } else for (const end = i + columns.count; i < end; i++, p += right) out[i] = source[p];
  }
}

// The rectangle of a plane in a box: `centre` (S, H, W, edges) in the middle, zoom 1 fits it whole.
export function placed(plane, box, zoom, centre) {
  const { rows, columns } = plane;
  const [wide, tall] = [columns, rows].map(({ count, mm }) => count * mm);
  const perMm = Math.min(box.width / wide, box.height / tall) * zoom;
  const [width, height] = [wide * perMm, tall * perMm];
  const before = (side) => turned(side, centre[side.axis], true) * side.mm * perMm;
  const x = box.x + box.width / 2 - before(columns);
  const y = box.y + box.height / 2 - before(rows);
  const round = zoom === 1 ? Math.round : (value) => value;
  return { x: round(x), y: round(y), width: round(width), height: round(height), perMm };
}

// (S, H, W) to the voxel (x, y, z) of a RAS+ volume.
export function voxelOf(stack, at) {
  return ["R", "A", "S"].map((letter) => {
    const side = direction(stack, letter);
    return turned(side, at[side.axis]);
  });
}

export function millimetres(affine, voxel) {
  return affine.map((row) => row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3]);
}
