import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

// Each file in a process of its own: they choose backends and settings of the environment, which a process has once. Two
// files at a time, also on two cores: they wait for commands most of the time.
export default mergeConfig(base, { test: { isolate: true, maxWorkers: 2 } });
