import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ferry, ownFolder, run } from './ferry.ts';

const folder = ownFolder('news-inspection');

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const news = ['N1', 'N2']
  .map((id) => `${id}\tsports\tsoccer\tTitle of ${id}\t\thttps://x\t[]\t[]\n`)
  .join('');

describe('ferry inspect, of a folder in MIND’s form', () => {
  it('tells its news and its splits', async () => {
    write({
      'mind/MINDsmall_train/news.tsv': news,
      'mind/MINDsmall_train/behaviors.tsv':
        '1\tU1\t11/9/2019 9:00:00 AM\tN1\tN2-1 N1-0\n2\tU2\t11/9/2019 3:30:00 PM\t\tN1-0 N2-0\n',
      'mind/MINDsmall_dev/behaviors.tsv': '1\tU3\t11/15/2019 9:00:00 AM\tN1\tN2-1 N9-0 N1-0\n',
    });
    const text = await ferry('inspect', 'mind');
    expect(text).toMatch(/in news\.tsv +2\n/);
    expect(text).toMatch(/categories +1: sports 2\n/);
    expect(text).toMatch(
      /Impressions: train\n +impressions +2 of 2 users\n +time +2019-11-09 09:00 to 2019-11-09 15:30\n/,
    );
    expect(text).toMatch(
      /candidates +4, 1 clicked \(25\.0 %\)\n +with a clicked and another +1 impressions can be evaluated\n/,
    );
    expect(text).toMatch(/not in earlier splits +100\.0 % of the users, 33\.3 % of the candidates\n/);
    expect(text).toMatch(/Warnings\n +1 of 3 news are in no file of news .*such as N9/);
    const found = JSON.parse(await ferry('inspect', 'mind', '--json')) as {
      splits: { split: string }[];
      unknown: string[];
    };
    expect(found.unknown).toEqual(['N9']);
    expect(found.splits.map(({ split }) => split)).toEqual(['train', 'dev']);
  });

  it('names what is wrong', async () => {
    write({ 'wrong/news.tsv': news, 'wrong/behaviors.tsv': '1\tU1\tyesterday\t\tN1-0\n' });
    expect((await run('inspect', 'wrong')).error).toMatch(/behaviors\.tsv:1: a time must be like/);
    expect((await run('inspect', 'mind', '--report')).error).toMatch(
      /are for domains; mind holds impressions/,
    );
  });
});
