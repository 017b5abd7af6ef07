import { Command, Option } from 'commander';
import type { BackendSpec } from '@ferry/engine';
import type { Diagnosis, Finding } from '../actions/doctor.ts';
import { wrap } from '../help.ts';
import { print, printJson } from '../print.ts';

const gib = (value: number): string => `${value.toFixed(1)} GiB`;

/** A backend in the table: whether it works, how fast or why not, and what to do. */
function findingLines(
  { backend, works, reason, threads, device, gigaflops, next }: Finding,
  width: number,
): string[] {
  const said = works
    ? `${gigaflops! < 10 ? gigaflops!.toFixed(1) : gigaflops!.toFixed(0)} GFLOPS in a matrix product, ` +
      `${threads === 1 ? '1 thread' : `${String(threads)} threads`}, ${device!}`
    : reason;
  const lines = [said, ...(next === undefined ? [] : [`next: ${next}`])].flatMap((text) =>
    wrap(text, width - 18),
  );
  return lines.map(
    (line, i) => `${(i === 0 ? `${backend.padEnd(12)}${works ? 'yes' : 'no'}` : '').padEnd(18)}${line}`,
  );
}

/** A diagnosis in words. */
export function formatDiagnosis({ machine, auto, backends }: Diagnosis, width = 100): string {
  const { platform, processor, threads, memoryGiB, freeGiB, cards, versions } = machine;
  return [
    `machine     ${platform}, ${processor}, ${threads} thread${threads === 1 ? '' : 's'} used`,
    `memory      ${gib(memoryGiB)}, ${gib(freeGiB)} of it free`,
    `NVIDIA GPU  ${
      cards.map(({ name, driver, memoryGiB: own }) => `${name}, ${gib(own)}, driver ${driver}`).join('; ') ||
      'none that nvidia-smi reports'
    }`,
    `versions    ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    '',
    `${'backend'.padEnd(12)}works`,
    ...backends.flatMap((finding) => findingLines(finding, Math.max(60, width))),
    '',
    ...wrap(
      `What is asked for by 'auto', the default, is computed by ${auto.takes} (${auto.reason}).`,
      Math.max(60, width),
    ),
  ].join('\n');
}

/** `ferry doctor`. */
export function doctorVerb(): Command {
  return new Command('doctor')
    .description('what this machine can compute with, and why not with the rest')
    .option('--json', 'print JSON instead')
    .addOption(new Option('--try <backend>', 'try one backend out, in this process').hideHelp())
    .action(async (options: { json?: boolean; try?: BackendSpec }) => {
      const { diagnose, tryBackend } = await import('../actions/doctor.ts');
      if (options.try !== undefined) {
        process.stdout.write(`${JSON.stringify(await tryBackend(options.try))}\n`);
        return;
      }
      const terminal = process.stderr.isTTY;
      const found = await diagnose([process.execPath, process.argv[1]!], (backend) => {
        if (terminal) process.stderr.write(`\r\x1b[2Ktrying ${backend} …`);
      });
      if (terminal) process.stderr.write('\r\x1b[2K');
      if (options.json) printJson(found);
      else print(formatDiagnosis(found, process.stdout.isTTY ? process.stdout.columns : undefined));
    });
}
