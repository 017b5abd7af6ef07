import { describe, expect, it } from 'vitest';
import { renderReport } from '../src/index.ts';
import type { Report } from '../src/index.ts';
import { charts } from './charts.ts';

const report: Report = {
  title: 'Transfer <study>',
  summary: 'From `cds18`, **three** seeds.',
  sections: [
    {
      title: 'In short',
      blocks: [
        { kind: 'facts', facts: [{ name: 'NDCG@10', value: '0.0901', note: '3 seeds' }] },
        {
          kind: 'table',
          table: { columns: [{ key: 'a', title: 'A' }], rows: [{ a: '<b>' }] },
          caption: 'The `table`.',
          command: 'ferry study x --seeds "1,2"',
        },
      ],
    },
    {
      title: 'Curves',
      blocks: [
        { kind: 'text', text: 'a < b' },
        {
          kind: 'charts',
          charts: ['line-bands', 'histogram'].map((name) => ({ svg: charts[name]!(), caption: name })),
        },
        { kind: 'code', code: 'npx ferry <run>' },
      ],
    },
  ],
  environment: { backend: 'ort', seed: 2020 },
};

describe('renderReport', async () => {
  const html = await renderReport(report);

  it('is one file: nothing is loaded, nothing is run', () => {
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(/);
    for (const [, target] of html.matchAll(/(?:href|src)="([^"]*)"/g)) expect(target).toMatch(/^(#|data:)/);
  });

  it('escapes text, and sets code and bold', () => {
    expect(html).toContain('<h1>Transfer &#60;study&#62;</h1>');
    expect(html).toContain('From <code>cds18</code>, <strong>three</strong> seeds.');
    expect(html).toContain('<td>&#60;b&#62;</td>');
    expect(html).toContain('<p>a &#60; b</p>');
    expect(html).toContain('npx ferry &#60;run&#62;');
  });

  it('holds titles that XML and UTF-8 cannot hold', async () => {
    const cut = 'a title cut in a smile \ud83d';
    const rows = [{ a: `${cut} \u0008` }];
    const block = {
      kind: 'table',
      table: { columns: [{ key: 'a', title: 'A' }], rows },
      caption: cut,
    } as const;
    const page = await renderReport({ title: cut, sections: [{ title: 'x', blocks: [block] }] });
    expect(page).toContain('<td>a title cut in a smile \ufffd \ufffd</td>');
    expect(page).not.toMatch(/\p{Surrogate}|\u0008/u);
  });

  it('names the command that made the numbers', () => {
    expect(html).toContain('Made by <code>ferry study x --seeds &#34;1,2&#34;</code>');
  });

  it('carries tables as CSV', () => {
    const link = /href="data:text\/csv;charset=utf-8,([^"]*)"/.exec(html)?.[1];
    expect(decodeURIComponent(link!)).toBe('A\n<b>\n');
  });

  it('carries the charts and their style once', () => {
    expect(html.match(/<svg/g)).toHaveLength(2);
    expect(html.match(/<style>/g)).toHaveLength(1);
    expect(html).toContain('.fc .line{');
  });

  it('leads to every section, the environment last', () => {
    const anchors = [...html.matchAll(/<a href="#([^"]*)"/g)].map((m) => m[1]!);
    expect(anchors).toEqual(['in-short-1', 'curves-2', 'environment']);
    for (const anchor of anchors) expect(html).toContain(`<section id="${anchor}">`);
    expect(html).toContain('<dt>seed</dt><dd>2020</dd>');
  });

  it('is deterministic', async () => {
    expect(await renderReport(report)).toBe(html);
  });
});
