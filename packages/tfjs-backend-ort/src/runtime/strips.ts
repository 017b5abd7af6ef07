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
