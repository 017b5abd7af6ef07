import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

// Each file in a process of its own: they choose backends and settings of the environment, which a process has once.
export default mergeConfig(base, { test: { isolate: true } });
