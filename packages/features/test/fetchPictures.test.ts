import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { badPictures, buildImageFeatures, fetchPictures, takePictures } from '@ferry/features';
import { directoryWith, domainOf } from './helpers.ts';
import { picture } from './tinyModels.ts';

describe('pictures named by addresses', () => {
  let server: Server;
  let asked: string[] = [];
  const answers = new Map<string, Buffer | number>();
  beforeAll(async () => {
    const red = await picture(255, 0, 0);
    answers.set('/red', red).set('/blue', await picture(0, 0, 255));
    answers.set('/half', red.subarray(0, red.length - 20)).set('/page', Buffer.from('<html>Sign in</html>'));
    answers.set('/gone', 410).set('/ill', 500);
    server = createServer(({ url = '' }, response) => {
      asked.push(url);
      const answer = answers.get(url) ?? 404;
      if (typeof answer === 'number') response.writeHead(answer).end();
      else response.end(answer);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const at = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const items = () =>
    ['red', 'blue', 'red', 'gone', 'ill', 'page', 'half'].map((name, item) => ({
      id: `i${item}`,
      image: at(`/${name}`),
    }));
  const options = { allowPrivate: true, pause: 0.005, attempts: 2, perHost: 1 };

  it('are fetched once, gone on with, and those that are not there are listed', async () => {
    const domain = await domainOf(items());
    const steps: string[] = [];
    const found = await fetchPictures(domain, {
      ...options,
      progress: (done, total) => void steps.push(`${done}/${total}`),
    });
    expect(found).toMatchObject({ fetched: 2, before: 0, dead: 2, failed: 2 });
    expect([steps[0], steps.at(-1)]).toEqual(['0/6', '6/6']);
    const lines = readFileSync(found.list!, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      { id: 'i3', url: at('/gone'), reason: 'the host answers 410', dead: true },
      { id: 'i4', url: at('/ill'), reason: 'the host answers 500 (2 tries)', dead: false },
      { id: 'i5', url: at('/page'), reason: 'a web page, not a picture', dead: true },
      { id: 'i6', url: at('/half'), reason: 'cut off: it has no end', dead: false },
    ]);
    expect(asked.filter((path) => path === '/red')).toHaveLength(1);
    // A run that was killed while it wrote a line.
    const folder = join(domain.directory, 'features', 'pictures');
    appendFileSync(join(folder, 'index.jsonl'), '{"url":"http://half a li');
    asked = [];
    answers.set('/ill', await picture(0, 255, 0));
    expect(await fetchPictures(domain, options)).toMatchObject({ fetched: 1, before: 2, dead: 2, failed: 1 });
    expect(new Set(asked)).toEqual(new Set(['/half', '/ill']));
    asked = [];
    await fetchPictures(domain, { ...options, again: true });
    expect(new Set(asked)).toEqual(new Set(['/gone', '/page', '/half']));
    answers.set('/ill', 500);
    expect(readdirSync(folder).filter((name) => name.endsWith('.png'))).toHaveLength(3);
    // A picture that someone has removed.
    const before = readdirSync(folder).find((name) => name.endsWith('.png'))!;
    rmSync(join(folder, before));
    answers.set('/ill', await picture(0, 255, 0));
    expect(await fetchPictures(domain, options)).toMatchObject({ fetched: 1, before: 2 });
    expect(readdirSync(folder)).toContain(before);
    answers.set('/ill', 500);
    // They are what is encoded.
    const matrix = await buildImageFeatures(domain);
    expect(Array.from(matrix.present)).toEqual([1, 1, 1, 0, 1, 0, 0]);
    expect(matrix.data.slice(0, 288)).toEqual(matrix.data.slice(2 * 288, 3 * 288));
    expect((await badPictures(domain)).map(({ index, reason }) => [index, reason])).toEqual([
      [3, 'the host answers 410'],
      [5, 'a web page, not a picture'],
      [6, 'cut off: it has no end'],
    ]);
    rmSync(domain.directory, { recursive: true, force: true });
  });

  it('are never asked of private addresses unless that is allowed', async () => {
    const domain = await domainOf(items().slice(0, 3));
    asked = [];
    expect(await fetchPictures(domain, {})).toMatchObject({ fetched: 0, dead: 2 });
    expect(asked).toEqual([]);
    await expect(buildImageFeatures(domain)).rejects.toThrow(/127\.0\.0\.1 is a private address/);
  });

  it('may come from an archive instead, by path or by id', async () => {
    const [red, blue, green] = [await picture(255, 0, 0), await picture(0, 0, 255), await picture(0, 255, 0)];
    const folder = await directoryWith({
      'pictures.zip': zipSync({ 'all/a.png': red, 'all/other.png': blue, 'c.png': green, 'd.png': green }),
      'cut.zip': zipSync({ 'a.png': red }).subarray(0, 60),
      'others.zip': zipSync({ 'x.png': red }),
    });
    const domain = await domainOf([
      { id: 'a' },
      { id: 'b', image: '../all/other.png' },
      { id: 'c' },
      { id: 'e', image: 'nowhere.png' },
    ]);
    expect(await takePictures(domain, join(folder, 'pictures.zip'))).toBe(3);
    const { present, notes } = await buildImageFeatures(domain);
    expect(Array.from(present)).toEqual([1, 1, 1, 0]);
    expect(notes).toEqual(['1 of 2 pictures named cannot be read: nowhere.png (no such file)']);
    await expect(takePictures(domain, join(folder, 'cut.zip'))).rejects.toThrow(
      /a zip archive of pictures is needed/,
    );
    await expect(takePictures(domain, join(folder, 'others.zip'))).rejects.toThrow(
      /named by the items' ids \(such as a\.jpg\), got x\.png/,
    );
  });
});
