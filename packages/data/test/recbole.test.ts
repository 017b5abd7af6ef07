import { expect, it } from 'vitest';
import { readDomain } from '@ferry/data';
import { directoryWith, histories } from './helpers.ts';

/** The files of RecBole's ml-100k, in the form in which RecBole ships them: headers, columns and kinds of cells. */
const ml100k = {
  'ml-100k.inter':
    'user_id:token\titem_id:token\trating:float\ttimestamp:float\n' +
    '196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t51\t4\t881250940\n' +
    '196\t346\t1\t881250950\n186\t51\t2\t891717740\n186\t242\t2\t891717743\n',
  'ml-100k.item':
    'item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n' +
    "1\tToy Story\t1995\tAnimation Children's Comedy\n51\tLegends of the Fall\t1994\tDrama Romance War Western\n" +
    ('242\tKolya\t1996\tComedy\n267\tunkonwn\tunkonwn\tunknown\n302\tL.A. Confidential\t1997\tCrime ' +
      'Film-Noir\n346\tJackie Brown\t1997\tCrime Drama\n'),
  'ml-100k.user':
    'user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n' +
    '196\t49\tM\twriter\t55105\n186\t39\tF\texecutive\t00000\n',
  'ml-100k.kg': 'head_id:token\trelation_id:token\ttail_id:token\nm.0695fl6\tfilm.film.actor\tm.02knnd\n',
  'ml-100k.link': 'item_id:token\tentity_id:token\n1\tm.0dyb1\n',
};

it("RecBole's ml-100k is read as it is: titles, times, items that nobody took", async () => {
  const domain = await readDomain(await directoryWith(ml100k));
  expect(histories(domain)).toEqual({ 196: ['51', '242', '346'], 186: ['51', '302', '242'] });
  expect(Object.fromEntries(domain.items.ids.map((id, i) => [id, domain.items.titles[i]]))).toEqual({
    1: 'Toy Story',
    51: 'Legends of the Fall',
    242: 'Kolya',
    267: 'unkonwn',
    302: 'L.A. Confidential',
    346: 'Jackie Brown',
  });
  expect(domain.warnings).toEqual([
    expect.stringMatching(/ml-100k\.item: 2 of 6 items are in no interaction; they stay in the catalogue$/),
  ]);
});

it('and so are types that other copies of it have', async () => {
  const item = ml100k['ml-100k.item'].replace(
    'movie_title:token_seq\trelease_year:token\tclass:token_seq',
    'movie_title:token\trelease_year:float\tclass:token_seq',
  );
  const domain = await readDomain(await directoryWith({ ...ml100k, 'ml-100k.item': item }));
  expect(domain.items.titles).toContain('Legends of the Fall');
  // Other names of the keys are refused by name, not guessed.
  const named = ml100k['ml-100k.item'].replace('item_id', 'movie_id');
  await expect(readDomain(await directoryWith({ ...ml100k, 'ml-100k.item': named }))).rejects.toThrow(
    /ml-100k\.item:1: the header must have a column item_id:token, got movie_id:token, movie_title/,
  );
});
