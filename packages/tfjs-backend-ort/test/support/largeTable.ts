import type { Case } from './cases.ts';
import { largeElementwise } from './largeElementwise.ts';
import { largeIndexed } from './largeIndexed.ts';
import { largeLayout } from './largeLayout.ts';
import { largeProducts } from './largeProducts.ts';
import { largeReduction } from './largeReduction.ts';

/** Kernels in sizes that ONNX Runtime splits between threads, several rows for most. */
export const LARGE: readonly Case[] = [
  ...largeElementwise,
  ...largeLayout,
  ...largeReduction,
  ...largeIndexed,
  ...largeProducts,
];
