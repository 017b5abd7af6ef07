import { tf } from '@ferry/engine';
import type { Candidates } from './fusion.ts';
import type { ItemTables } from './model.ts';

/** Without keys that hold nothing: a nest of tensors only. */
export function defined<T extends object>(nest: T): T {
  return Object.fromEntries(Object.entries(nest).filter(([, value]) => value !== undefined)) as T;
}

/** Tensors may be shared between the two nests; disposing one twice does no harm. */
export function disposeNest(nest: ItemTables | Candidates): void {
  for (const value of Object.values(nest) as (tf.Tensor | Record<string, tf.Tensor> | undefined)[]) {
    if (value instanceof tf.Tensor) value.dispose();
    else if (value) tf.dispose(value);
  }
}
