import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How a child ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** Runs child.ts and sends it a signal when it begins a step. */
export function runAndStop(directory: string, signal: NodeJS.Signals, step: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = join(import.meta.dirname, 'child.ts');
    const started = spawn(process.execPath, ['--import', 'tsx', child, directory, '30']);
    let out = '';
    let err = '';
    let sent = false;
    started.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (sent || !out.includes(`step ${step}\n`)) return;
      sent = true;
      started.kill(signal);
    });
    started.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    started.on('error', reject);
    started.on('close', (code, by) => {
      resolve({ code, signal: by, out, err });
    });
  });
}

/** A file of a run directory. */
export function textOf(directory: string, file: string): string {
  return readFileSync(join(directory, file), 'utf8');
}

/** A run's summary without its times. */
export function summaryOf(directory: string): unknown {
  return { ...(JSON.parse(textOf(directory, 'summary.json')) as object), timings: null };
}
