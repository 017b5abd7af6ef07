#!/usr/bin/env node
// Runs the TypeScript sources as they are: nothing has to be built after `npm ci`.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../src/main.ts');
await main(process.argv);
