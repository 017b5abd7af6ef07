/** Moves the k smallest of `values` to its front (Hoare's selection). */
function gatherSmallest(values: Float64Array, k: number): void {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i <= j) {
        const kept = values[i]!;
        values[i++] = values[j]!;
        values[j--] = kept;
      }
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else break;
  }
}

/** Moves the k smallest of `values` to its front and returns their sum. */
export function sumOfSmallest(values: Float64Array, k: number): number {
  gatherSmallest(values, k);
  let sum = 0;
  for (let i = 0; i < k; i++) sum += values[i]!;
  return sum;
}
