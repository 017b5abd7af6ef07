import { PROCESSOR, type Target } from './graph.ts';
import { webgpu } from './webgpu.ts';

/** The target of sessions that prefer these execution providers, in this order. */
export function targetOf(providers: readonly string[]): Target {
  return providers[0] === 'webgpu' ? webgpu : PROCESSOR;
}
