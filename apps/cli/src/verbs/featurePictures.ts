import { UserError } from '@ferry/recipes';
import { Command } from 'commander';
import { numeric, positive } from '../options.ts';
import { print } from '../print.ts';
import { progressLine } from '../progress.ts';
import { count } from '../text.ts';

interface Options {
  archive?: string;
  concurrency: number;
  perHost: number;
  gap: number;
  attempts: number;
  again?: boolean;
  allowPrivate?: boolean;
}

/** `ferry features pictures`. */
export function picturesVerb(): Command {
  return new Command('pictures')
    .description('fetch the pictures that a domain names by address, or take them from a zip archive')
    .argument('<domain>', 'a domain directory, $FERRY_DATA/…')
    .option('--archive <file.zip>', 'pictures by the paths that items name, or by the items’ ids')
    .option('--concurrency <n>', 'requests at once', positive, 16)
    .option('--per-host <n>', 'requests at once to one host', positive, 2)
    .option('--gap <seconds>', 'seconds between requests to one host', numeric, 0)
    .option('--attempts <n>', 'tries of an address whose host has its troubles', positive, 4)
    .option('--again', 'ask again for addresses that were dead')
    .option('--allow-private', 'ask addresses of this machine and of private networks too')
    .action(async (reference: string, { archive, ...options }: Options) => {
      const { fetchPictures, openDomain, takePictures } = await import('../actions/features.ts');
      const domain = await openDomain(reference);
      const draw = progressLine();
      const progress = (done: number, total: number): void => {
        draw(`${domain.name}: pictures`, done, total);
      };
      if (archive !== undefined) {
        const taken = await takePictures(domain, archive, progress);
        print(`${archive}: pictures of ${count(taken)} of ${count(domain.items.ids.length)} items`);
        return;
      }
      if (!domain.items.images.some((image) => image !== undefined && /^https?:/i.test(image)))
        throw new UserError(`${domain.name} names no picture by an address`);
      const stop = new AbortController();
      process.once('SIGINT', () => {
        stop.abort(new UserError('stopped: what is fetched is kept and gone on with next time'));
      });
      const found = await fetchPictures(domain, { ...options, progress, signal: stop.signal });
      const { fetched, before, dead, failed, list } = found;
      print(
        `${count(fetched)} pictures fetched, ${count(before)} there already, ${count(dead)} dead, ` +
          `${count(failed)} to be tried another time`,
      );
      if (list !== undefined) print(`those that are not there, and why: ${list}`);
    });
}
