import { parseString } from '@fast-csv/parse';
import { describe, expect, it } from 'vitest';
import {
  formatNumber,
  formatShare,
  printable,
  printableLines,
  tableToCsv,
  tableToHtml,
  tableToLatex,
  tableToMarkdown,
  tableToText,
} from '../src/index.ts';
import type { Table } from '../src/index.ts';
import { measure } from './measure.ts';

const table: Table = {
  columns: [
    { key: 'name', title: 'Model' },
    { key: 'recall', title: 'R@10', kind: 'number', best: 'max' },
    { key: 'seconds', title: 'Time', kind: 'number', decimals: 1, best: 'min' },
    { key: 'count', title: 'Parameters', kind: 'number' },
    { key: 'share', title: 'Covered', kind: 'percent' },
  ],
  rows: [
    { name: 'a_b & c|d', recall: measure([0.15, 0.17]), seconds: 7.25, count: 1719513, share: 0.615 },
    { name: 'plain', recall: 0.12, seconds: 40, count: 308401, share: null },
    { name: 'none', count: -5 },
  ],
};

describe('printable', () => {
  it('leaves nothing that a terminal obeys, and every other character', () => {
    expect(printable('a\u001b]0;name\u0007\tb\u009b2J\u202ec\r\nd')).toBe('a ]0;name b 2J c d');
    expect(printable('Ünï 漢字 🎲 ‑')).toBe('Ünï 漢字 🎲 ‑');
    expect(printableLines('a\u0000\n\u001bb')).toBe('a \n b');
    const odd: Table = { columns: [{ key: 'x', title: 'X\u001b[1m' }], rows: [{ x: 'a\nb\u001b' }] };
    expect(tableToText(odd)).toBe('X [1m\n─────\na b\n');
  });
});

describe('formatNumber', () => {
  it('groups, rounds and signs', () => {
    const cases: [number, number, string][] = [
      [1234567.891, 1, '1,234,567.9'],
      [999, 0, '999'],
      [-0.00001, 2, '0.00'],
      [-1.5, 1, '\u22121.5'],
      [0.0933, 4, '0.0933'],
      [NaN, 1, 'n/a'],
      [-Infinity, 0, '\u2212\u221e'],
    ];
    for (const [value, decimals, text] of cases) expect(formatNumber(value, decimals)).toBe(text);
  });
});

describe('formatShare', () => {
  it('shows small shares', () => {
    expect([0, 1, 0.615, 0.0123, 0.005, 0.0007, 0.00003456, 1e-12].map(formatShare)).toEqual([
      ...['0.0 %', '100.0 %', '61.5 %', '1.2 %', '0.50 %', '0.070 %', '0.0035 %', '0.00000000 %'],
    ]);
  });
});

describe('tables', () => {
  it('as text, with digits under digits', () => {
    expect(tableToText(table)).toBe(
      [
        'Model                 R@10   Time   Parameters  Covered',
        '─────────  ────────────────  ─────  ──────────  ───────',
        'a_b & c|d  0.1600 ± 0.0141*   7.3*   1,719,513    61.5%',
        'plain               0.1200   40.0      308,401',
        'none                                        \u22125',
        '',
      ].join('\n'),
    );
  });

  it('as text, cut between columns where the terminal is narrow', () => {
    const narrow = tableToText(table, { width: 40 });
    for (const line of narrow.split('\n')) expect(line.length).toBeLessThanOrEqual(40);
    expect(narrow).toBe(
      [
        'Model                 R@10   Time',
        '─────────  ────────────────  ─────',
        'a_b & c|d  0.1600 ± 0.0141*   7.3*',
        'plain               0.1200   40.0',
        'none',
        '',
        'Model      Parameters  Covered',
        '─────────  ──────────  ───────',
        'a_b & c|d   1,719,513    61.5%',
        'plain         308,401',
        'none               \u22125',
        '',
      ].join('\n'),
    );
    const [whole, size] = [tableToText(table), tableToText(table).indexOf('\n')];
    expect(tableToText(table, { width: size })).toBe(whole);
    expect(tableToText(table, { width: size - 1 })).not.toBe(whole);
    // A column is shown even where it has no room.
    expect(tableToText(table, { width: 5 }).match(/Model/g)).toHaveLength(4);
  });

  it('as Markdown', () => {
    expect(tableToMarkdown(table)).toBe(
      [
        '| Model       |                R@10 |    Time | Parameters | Covered |',
        '| ----------- | ------------------: | ------: | ---------: | ------: |',
        '| a\\_b & c\\|d | **0.1600 ± 0.0141** | **7.3** |  1,719,513 |   61.5% |',
        '| plain       |              0.1200 |    40.0 |    308,401 |         |',
        '| none        |                     |         |         \u22125 |         |',
        '',
      ].join('\n'),
    );
  });

  it('as CSV, in full precision', async () => {
    expect(await tableToCsv(table)).toBe(
      'Model,R@10,R@10 deviation,R@10 count,Time,Parameters,Covered\n' +
        `"a_b & c|d",0.16,${measure([0.15, 0.17]).deviation},2,7.25,1719513,0.615\n` +
        'plain,0.12,,,40,308401,\n' +
        'none,,,,,-5,\n',
    );
  });

  it('as CSV that another program reads back', async () => {
    const cells = ['x\ny', ' z ', 'a,b;c', '"quoted" "', "it's", '-1', '', 'Ärger 電影 😀', 'a\r\nb', '|'];
    const columns = [
      { key: 'a', title: 'a,"b"' },
      { key: 'value', title: 'R@10', kind: 'number' as const },
    ];
    const values = cells.map((_, i) => 0.1 ** i / 3);
    const text = await tableToCsv({ columns, rows: cells.map((a, i) => ({ a, value: values[i]! })) });
    const read = await new Promise<string[][]>((resolve, reject) => {
      const rows: string[][] = [];
      parseString<string[], string[]>(text)
        .on('error', reject)
        .on('data', (row: string[]) => rows.push(row))
        .on('end', () => {
          resolve(rows);
        });
    });
    expect(read).toEqual([['a,"b"', 'R@10'], ...cells.map((cell, i) => [cell, String(values[i])])]);
    expect(text.startsWith('"a,""b""",R@10\n"x\ny",')).toBe(true);
    expect(await tableToCsv({ columns, rows: [] })).toBe('"a,""b""",R@10\n');
  });

  it('as LaTeX', () => {
    expect(tableToLatex(table)).toBe(
      [
        '\\begin{tabular}{lrrrr}',
        '\\toprule',
        'Model & R@10 & Time & Parameters & Covered \\\\',
        '\\midrule',
        'a\\_b \\& c\\textbar{}d & \\textbf{0.1600} $\\pm$ 0.0141 & \\textbf{7.3} & 1,719,513 & 61.5\\% \\\\',
        'plain & 0.1200 & 40.0 & 308,401 &  \\\\',
        'none &  &  & $-$5 &  \\\\',
        '\\bottomrule',
        '\\end{tabular}',
        '',
      ].join('\n'),
    );
  });

  it('as LaTeX and CSV, whatever a name holds', async () => {
    const columns = [{ key: 'name', title: 'Name' }];
    const table = { columns, rows: [{ name: '[a]* <b>|c\n\nd & \ud83d' }] };
    expect(tableToLatex(table)).toContain('\n{[}a]{*} \\textless{}b\\textgreater{}\\textbar{}c d \\& ');
    expect(await tableToCsv(table)).toBe('Name\n"[a]* <b>|c\n\nd & \ufffd"\n');
  });

  it('as HTML, escaped', () => {
    const html = tableToHtml(table);
    expect(html).toContain('<td>a_b &#38; c|d</td>');
    expect(html).toContain('<td class="n"><strong>0.1600</strong> <span class="d">± 0.0141</span></td>');
    expect(html.match(/<tr/g)).toHaveLength(4);
  });

  it('mark the best of each group, and all that read the same', () => {
    const grouped: Table = {
      columns: [
        { key: 'target', title: 'T' },
        { key: 'x', title: 'X', kind: 'number', decimals: 2, best: 'max' },
      ],
      groupBy: 'target',
      rows: [
        { target: 'a', x: 0.1 },
        { target: 'a', x: 0.1004 },
        { target: 'b', x: 0.9 },
        { target: 'b', x: 0.8 },
        { target: 'c', x: 0.5 },
      ],
    };
    expect(tableToText(grouped)).toBe(
      'T     X\n─  ─────\na  0.10*\na  0.10*\n─  ─────\nb  0.90*\nb  0.80\n─  ─────\nc  0.50\n',
    );
    expect(tableToLatex(grouped).match(/\\midrule/g)).toHaveLength(3);
    expect(tableToHtml(grouped).match(/<tr class="g">/g)).toHaveLength(2);
  });

  it('line up wide letters', () => {
    const wide: Table = {
      columns: [
        { key: 'a', title: 'a' },
        { key: 'b', title: 'b' },
      ],
      rows: [
        { a: '漢字', b: 'x' },
        { a: 'é', b: 'y' },
      ],
    };
    expect(tableToText(wide)).toBe('a     b\n────  ─\n漢字  x\né     y\n');
  });

  it('refuse members and groups that no column shows', () => {
    const columns = [{ key: 'a', title: 'a' }];
    expect(() => tableToText({ columns, rows: [{ b: 1 }] })).toThrow("must be columns (a), got 'b'");
    expect(() => tableToText({ columns, rows: [], groupBy: 'c' })).toThrow(
      "groupBy must be a column (a), got 'c'",
    );
  });
});
