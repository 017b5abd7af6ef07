import { describe, expect, it } from 'vitest';
import { Folder, prepared } from './helpers.ts';

const folder = new Folder();
const items = (name: string, rows: [string, string][]): string =>
  folder.file(name, rows.map(([id, title]) => JSON.stringify({ id, title })).join('\n'));

describe('a domain beside others', () => {
  it('counts shared users and leakage, and leaves it out where asked', async () => {
    const target = await prepared(
      folder,
      folder.file(
        'target.csv',
        'user,item,time\nu,t1,10\nu,t2,20\nu,t3,30\nu,t4,40\nx,t1,1\nx,t2,2\nx,t3,3\n',
      ),
      {
        items: items('target.jsonl', [
          ['t1', 'Red Guitar, large'],
          ['t2', 'Drum'],
          ['t3', 'Violin bow'],
          ['t4', 'Harp'],
        ]),
      },
    );
    // u's training there ends before 30.
    const log = folder.file(
      'source.csv',
      'user,item,time\nu,a,5\nu,t2,29\nu,b,30\nu,c,99\nu,d,6\nv,a,99\nv,b,99\nv,c,99\nv,d,1\n',
    );
    const flags = {
      items: items('source.jsonl', [
        ['a', 'A large red guitar'],
        ['b', 'large GUITAR (red)'],
        ['c', 'Drum'],
        ['d', 'Oboe'],
      ]),
    };
    const { provenance } = await prepared(folder, log, flags, { with: [target.out] });
    expect(provenance.with).toEqual([
      // One word, such as “Drum”, is no title to tell items by.
      { domain: target.out, users: 1, sameItems: 1, similarTitles: 1, later: 2 },
    ]);
    const clean = await prepared(folder, log, flags, {
      with: [target.out],
      drop: ['same-items', 'similar-titles', 'later'],
    });
    expect(clean.provenance.with).toEqual([
      { domain: target.out, users: 1, sameItems: 0, similarTitles: 0, later: 0 },
    ]);
    expect(clean.sequences).toEqual([
      { user: 'u', items: ['a', 'd'], ts: [5, 6] },
      { user: 'v', items: ['d', 'a', 'c'], ts: [1, 99, 99] },
    ]);
    expect(clean.provenance.steps.map(({ after }) => after.interactions)).toEqual([9, 8, 6, 5]);
  });

  it('says where times or titles are missing', async () => {
    const target = await prepared(folder, folder.file('bare.csv', 'user,item\nu,a\nu,b\nu,c\n'));
    const log = folder.file('timed.csv', 'user,item,time\nu,a,1\nu,b,2\nu,c,3\n');
    expect((await prepared(folder, log, {}, { with: [target.out] })).provenance.with![0]).toMatchObject({
      sameItems: 3,
      later: null,
    });
    await expect(prepared(folder, log, {}, { with: [target.out], drop: ['later'] })).rejects.toThrow(
      /--drop later: both domains need times/,
    );
    await expect(prepared(folder, log, {}, { with: [target.out], drop: ['similar-titles'] })).rejects.toThrow(
      /a file of items with titles/,
    );
    await expect(prepared(folder, log, {}, { drop: ['later'] })).rejects.toThrow(/--with <domain>/);
  });
});
