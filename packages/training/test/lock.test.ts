import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { acquireLock } from '../src/index.ts';
import { directoryForEach } from './directories.ts';

let directory: string;
directoryForEach((made) => {
  directory = made;
});

/** A pid that was alive and is not. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => child.on('close', resolve));
  return child.pid!;
}

function leave(holder: object): void {
  writeFileSync(join(directory, 'lock'), JSON.stringify(holder));
}

describe('acquireLock', () => {
  it('keeps a second one out until released, and leaves nothing behind', () => {
    const lock = acquireLock(directory);
    expect(() => acquireLock(directory)).toThrow(`${directory} is in use by process ${process.pid}`);
    lock.release();
    acquireLock(directory).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('takes over from a process that is gone', async () => {
    leave({ pid: await deadPid(), host: hostname(), started: null });
    const lock = acquireLock(directory);
    expect(JSON.parse(readFileSync(join(directory, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
    expect(readdirSync(directory)).toEqual(['lock']);
    lock.release();
  });

  it.skipIf(!existsSync('/proc/self/stat'))('takes over when the pid is another process by now', () => {
    leave({ pid: process.pid, host: hostname(), started: '1' });
    acquireLock(directory).release();
  });

  it.skipIf(!existsSync('/proc/self/stat'))(
    'takes over from a process that has ended and that nobody asks after, as in a container',
    async () => {
      // The child ends after its parent has become a program that asks after none.
      const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const pid = await new Promise<number>((resolve) => {
        parent.stdout.once('data', (text: Buffer) => {
          resolve(Number(String(text)));
        });
      });
      const fields = (): string[] => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      await vi.waitFor(() => {
        expect(fields()[0]).toBe('Z');
      });
      leave({ pid, host: hostname(), started: fields()[19] });
      acquireLock(directory).release();
      parent.kill('SIGKILL');
    },
  );

  it('takes over what is not a lock', () => {
    writeFileSync(join(directory, 'lock'), '');
    acquireLock(directory).release();
  });

  it('trusts another machine', async () => {
    leave({ pid: await deadPid(), host: 'elsewhere', started: null });
    expect(() => acquireLock(directory)).toThrow(
      /in use by process \d+ on elsewhere; if that one is gone, delete/,
    );
  });
});
