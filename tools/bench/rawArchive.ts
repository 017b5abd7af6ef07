// A generated archive in Amazon's raw form: reviews and metadata as JSON lines, or ratings alone as CSV.
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';

/** How large an archive is. */
export interface ArchiveSize {
  /** Ratings. */
  rows: number;
  /** Users to draw from. */
  users: number;
  /** Items to draw from. */
  items: number;
}

/** Whole numbers below 2^32, xorshift. */
function numbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const text =
  'Does what it says and came in time; the second one that we have bought of these, and it will do for now.'.slice(
    0,
    100,
  );

/** Writes lines in large blocks. */
async function write(file: string, count: number, line: (at: number) => string): Promise<void> {
  const stream = createWriteStream(file, { highWaterMark: 1 << 22 });
  let block: string[] = [];
  for (let at = 0; at < count; at++) {
    block.push(line(at));
    if (block.length < 10_000 && at < count - 1) continue;
    if (!stream.write(`${block.join('\n')}\n`)) await once(stream, 'drain');
    block = [];
  }
  stream.end();
  await once(stream, 'close');
}

/** Users and items of a rating: both by a skewed law, so that a few have many and a core is something to look for. */
function drawer({
  users,
  items,
}: ArchiveSize): () => { user: string; item: string; rating: number; time: number } {
  const next = numbers(2020);
  const skewed = (n: number): number => Math.floor(n * (next() / 2 ** 32) ** 2.2);
  return () => ({
    user: `A${(0x5000000 + skewed(users)).toString(36).toUpperCase().padStart(13, '0')}`,
    item: `B${skewed(items).toString().padStart(9, '0')}`,
    rating: 1 + (next() % 5),
    // Days, as Amazon's times are.
    time: 1_300_000_000 - (1_300_000_000 % 86400) + 86400 * (next() % 2500),
  });
}

/** Writes `reviews.json` and `meta.json`. */
export async function writeReviews(directory: string, size: ArchiveSize): Promise<void> {
  const draw = drawer(size);
  await write(join(directory, 'reviews.json'), size.rows, () => {
    const { user, item, rating, time } = draw();
    return (
      `{"overall": ${rating}.0, "verified": true, "reviewTime": "09 4, 2015", "reviewerID": "${user}", ` +
      `"asin": "${item}", "reviewerName": "A. Reader", "reviewText": "${text}", "summary": "Five Stars", ` +
      `"unixReviewTime": ${time}}`
    );
  });
  // One item in ten has no metadata, one in fifty has its row twice.
  await write(join(directory, 'meta.json'), size.items, (at) => {
    const id = at % 50 === 1 ? at - 1 : at;
    const asin = `B${(id % 10 === 9 ? id + 1_000_000_00 : id).toString().padStart(9, '0')}`;
    return (
      `{"category": ["Industrial & Scientific", "Shelf ${id % 97}"], "description": ["${text}"], "title": "Item ` +
      `${id} of the shop", "brand": "Maker ${id % 1013}", "asin": "${asin}", "imageURLHighRes": ` +
      `["https://images.example/${asin}.jpg"]}`
    );
  });
}

/** Writes `ratings.csv`: item, user, rating, time, without a header. */
export async function writeRatings(directory: string, size: ArchiveSize): Promise<void> {
  const draw = drawer(size);
  await write(join(directory, 'ratings.csv'), size.rows, () => {
    const { user, item, rating, time } = draw();
    return `${item},${user},${rating}.0,${time}`;
  });
}
