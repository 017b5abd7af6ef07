/**
 * Dense matrices as sparse products read them: in strips of 16 columns, one strip after the other, each with its rows
 * one after the other. A product reads rows of a strip in any order, and those of one strip fit into a core's cache
 * where whole rows would not. A matrix of fewer columns is one strip of its own width; the last of several may be
 * filled in part.
 */
const STRIP = 16;

/** Strips of a matrix of some columns. */
export const stripCount = (width: number): number => Math.ceil(width / STRIP);

/** Floats from one strip to the next in a matrix of some rows. */
export const stripSize = (rows: number, width: number): number => rows * Math.min(width, STRIP);

/** Bytes of a matrix in strips. */
export const stripBytes = (rows: number, width: number): number =>
  stripCount(width) * stripSize(rows, width) * 4;

/** Calls for each row of each strip: where it is in rows, how many floats, and where in strips. */
function eachRow(
  floats: number,
  width: number,
  move: (at: number, size: number, stripped: number) => void,
): void {
  const stride = Math.min(width, STRIP);
  let stripped = 0;
  for (let column = 0; column < width; column += STRIP)
    for (let at = column; at < floats; at += width, stripped += stride)
      move(at, Math.min(STRIP, width - column), stripped);
}

/** A matrix of rows, [R * D], as strips. */
export function toStrips(rows: Float32Array, width: number, strips: Float32Array): void {
  eachRow(rows.length, width, (at, size, stripped) => {
    for (let j = 0; j < size; j++) strips[stripped + j] = rows[at + j]!;
  });
}

/** Strips as a matrix of rows, [R * D]. */
export function fromStrips(strips: Float32Array, width: number, rows: Float32Array): void {
  eachRow(rows.length, width, (at, size, stripped) => {
    for (let j = 0; j < size; j++) rows[at + j] = strips[stripped + j]!;
  });
}
