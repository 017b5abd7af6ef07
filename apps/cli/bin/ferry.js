#!/usr/bin/env node
// Runs the TypeScript sources of this checkout: compiled at first use and whenever one has changed.
import { join } from 'node:path';
import { bundleWith, loadMain, missingPackage } from './compiled.js';

/** @param {unknown} error */
function refuse(error) {
  const name = missingPackage(error);
  if (name === undefined) throw error;
  process.stderr.write(
    `error the package ${name} is not installed in ${join(import.meta.dirname, '../../..')}; next: npm ci\n`,
  );
  process.exit(1);
}

const { main } = await loadMain().catch(refuse);
await main(process.argv, bundleWith);
