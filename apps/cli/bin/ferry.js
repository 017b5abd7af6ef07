#!/usr/bin/env node
// Runs the TypeScript sources of this checkout: compiled at first use and whenever one has changed.
import { bundleWith, loadMain } from './compiled.js';

const { main } = await loadMain();
await main(process.argv, bundleWith);
