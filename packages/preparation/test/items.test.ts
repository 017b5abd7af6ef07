import { describe, expect, it } from 'vitest';
import { Folder, prepared, refusal } from './helpers.ts';
import { cleanUnisrec } from '../src/texts.ts';

const folder = new Folder();
const interactions = folder.file(
  'log.csv',
  'user,item,time\nu,a,1\nu,b,2\nu,c,3\nu,a,4\nv,a,1\nv,b,2\nv,d,3\nv,a,4\n',
);

describe('a file of items', () => {
  it('gives titles, texts and pictures; items without a row stay', async () => {
    const items = folder.file(
      'data/items.csv',
      'id,title,genres,description,image\na,"A ""good"" one, really",Drama,"Two\nlines &amp; ' +
        '<b>more</b>.",img/a.jpg\nb,B,,,\nz,Nobody’s,,,\n',
    );
    const { items: made, provenance } = await prepared(folder, interactions, { items });
    expect(made).toEqual([
      {
        id: 'a',
        title: 'A "good" one, really',
        text: 'A "good" one, really. Drama. Two lines & more .',
        image: '../data/img/a.jpg',
        category: 'Drama',
      },
      { id: 'b', title: 'B', text: 'B' },
      { id: 'c', title: '', text: '' },
      { id: 'd', title: '', text: '' },
    ]);
    expect(provenance.items).toEqual({ titled: 2, texts: 2, images: 1 });
    const kept = await prepared(folder, interactions, { items, require: ['title'] });
    expect(kept.provenance.steps.at(-1)).toMatchObject({
      rule: 'items with a title',
      before: { interactions: 8 },
      after: { interactions: 6, items: 2 },
    });
  });

  it('may have lists and pictures of Amazon’s metadata', async () => {
    const rows = [
      {
        asin: 'a',
        title: 'T',
        category: ['X', 'Y &amp; Z'],
        brand: 'Brand.',
        imageURLHighRes: ['https://h/a.jpg', 'https://h/b.jpg'],
      },
      {
        asin: 'b',
        title: 'U',
        category: [],
        images: [{ thumb: 't', large: 'l', hi_res: null }],
        imageURLHighRes: [],
      },
    ];
    const items = folder.file('meta.json', rows.map((row) => JSON.stringify(row)).join('\n'));
    const { items: made, provenance } = await prepared(folder, interactions, {
      items,
      text: 'title,category,brand,titel',
      image: 'imageURLHighRes',
      preset: 'unisrec',
      core: 1,
    });
    expect(made).toEqual([
      { id: 'a', title: 'T', text: 'T. X Y & Z. Brand. ', image: 'https://h/a.jpg', category: 'X Y & Z' },
      { id: 'b', title: 'U', text: 'U. . ' },
    ]);
    expect(provenance.found.join('\n')).toMatch(/no row of .* has "titel"; did you mean 'title'/);
  });

  it('with words for a missing value are counted', async () => {
    const found = async (name: string, content: string): Promise<string[]> => {
      const { provenance } = await prepared(folder, interactions, { items: folder.file(name, content) });
      return provenance.found.filter((said) => said.includes('missing'));
    };
    expect(await found('none.csv', 'id,title,category\na,NULL,x\nb, nan,nano\n')).toEqual([
      expect.stringMatching(
        /^"title" is a word .* in 2 of the items of .*none\.csv: it is read as it stands$/,
      ),
    ]);
    // JSON's own null is a value that is missing, and no word.
    const lines = [
      '{"id": "a", "title": null, "category": "None"}',
      '{"id": "b", "title": "None", "category": ["NaN", "x"]}',
      '{"id": "c", "title": "nan"}',
    ];
    expect(await found('none.jsonl', lines.join('\n'))).toEqual([
      expect.stringMatching(/^"title" is a word .* in 2 of the items of .*none\.jsonl/),
      expect.stringMatching(/^"category" is a word .* in 1 of the items of .*none\.jsonl/),
    ]);
  });

  it('may have a row twice, but not two different ones unless a rule says which', async () => {
    const same = folder.file('same.csv', 'id,title\na,A\nb,B\na,A\n');
    expect((await prepared(folder, interactions, { items: same })).provenance.found).toContain(
      '1 rows of items are equal to another and were merged',
    );
    const different = folder.file('different.csv', 'id,title\nb,B\na,A\na,Aa\n');
    expect(await refusal(folder, interactions, { items: different })).toMatch(
      /different\.csv: an item must have one row, got different ones for 1: "a" on lines 3, 4 of different\.csv; --item-duplicates complete/,
    );
    const titles = async (itemDuplicates: string): Promise<unknown> =>
      (await prepared(folder, interactions, { items: different, itemDuplicates })).items[0]!['title'];
    expect(await titles('complete')).toBe('Aa');
    expect(await titles('first')).toBe('A');
  });

  it('names pictures by a pattern', async () => {
    const items = folder.file('data/plain.csv', 'id,title\na,A\n');
    const { items: made } = await prepared(folder, interactions, { items, pictures: 'posters/{id}.jpg' });
    expect(made[0]!['image']).toBe('../data/posters/a.jpg');
    expect(made[1]!['image']).toBe('../data/posters/b.jpg');
  });
});

describe('texts as UniSRec’s', () => {
  // What its clean_text gives for these, by the specification.
  it.each([
    ['Tom &amp; Jerry "x"\n...', 'Tom & Jerry x.'],
    ['', '.'],
    ['...', '..'],
    ['a'.repeat(1999), ''],
    ['a'.repeat(1998), `${'a'.repeat(1998)}.`],
  ])('%j', (text, expected) => {
    expect(cleanUnisrec(text)).toBe(expected);
  });
});
