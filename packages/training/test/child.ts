/** Trains the tiny model in the directory it is told, slowly; a parent kills it. Prints each step as it begins. */
import { selectBackend } from '@ferry/engine';
import { trainTiny } from './tiny.ts';

const [directory, pause] = process.argv.slice(2);
await selectBackend('cpu');
const result = await trainTiny(
  directory!,
  {
    async onStep(step) {
      process.stdout.write(`step ${step}\n`);
      await new Promise((resolve) => setTimeout(resolve, Number(pause)));
    },
  },
  { output: process.stderr },
);
process.stdout.write(`${result.status}\n`);
