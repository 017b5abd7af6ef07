import { escapeXml } from './numbers.ts';
import { showTable } from './table.ts';
import type { Table } from './table.ts';
import { tableToCsv } from './tableText.ts';
import { chartRules, colourRules, fontFamily } from './theme.ts';

/** A picture or a table with its caption. */
export interface Caption {
  /** What is to be seen; `code` in backticks and **bold** are set as such. */
  readonly caption: string;
  /** The command that made the numbers. */
  readonly command?: string;
}

/** A chart with its caption. */
export interface Chart extends Caption {
  /** The SVG document. */
  readonly svg: string;
}

/** A number that matters. */
export interface Fact {
  /** What it is. */
  readonly name: string;
  /** The number, formatted. */
  readonly value: string;
  /** A remark under it; `code` in backticks and **bold** are set as such. */
  readonly note?: string;
}

/** A thing of a gallery. */
export interface Exhibit {
  /** What it is called, in one line. */
  readonly title: string;
  /** A remark under it. */
  readonly note?: string;
  /** Its picture as a `data:` address. */
  readonly image?: string;
}

/** A part of a section. */
export type Block =
  | {
      /** A paragraph; `code` in backticks and **bold** are set as such. */
      readonly kind: 'text';
      /** Its text. */
      readonly text: string;
    }
  | {
      /** The few numbers that matter, large. */
      readonly kind: 'facts';
      /** Name, value, and a remark under it. */
      readonly facts: readonly Fact[];
    }
  | ({
      /** A table. */
      readonly kind: 'table';
      /** Its cells. */
      readonly table: Table;
    } & Caption)
  | {
      /** Charts, side by side where there is room. */
      readonly kind: 'charts';
      /** SVG documents with their captions. */
      readonly charts: readonly Chart[];
    }
  | ({
      /** Things with pictures, a row of them each. */
      readonly kind: 'gallery';
      /** Rows, the first of each apart. */
      readonly rows: readonly (readonly Exhibit[])[];
    } & Caption)
  | {
      /** Commands or other text to be set as it is. */
      readonly kind: 'code';
      /** Its text. */
      readonly code: string;
    };

/** A section of a report. */
export interface Section {
  /** Heading. */
  readonly title: string;
  /** Parts, in order. */
  readonly blocks: readonly Block[];
}

/** A one-file report. */
export interface Report {
  /** Heading. */
  readonly title: string;
  /** A line or two under it. */
  readonly summary?: string;
  /** Sections, in order. */
  readonly sections: readonly Section[];
  /** What the numbers may depend on: names and values, shown at the end. */
  readonly environment?: Readonly<Record<string, string | number | boolean>>;
}

function inline(text: string): string {
  return escapeXml(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>');
}

function caption({ caption: text, command }: Caption, extra = ''): string {
  const made =
    command === undefined ? '' : `<span class="made">Made by <code>${escapeXml(command)}</code></span>`;
  return `<figcaption>${inline(text)}${extra}${made}</figcaption>`;
}

/** A table in HTML. */
export function tableToHtml(table: Table): string {
  const { titles, right, rows, begins } = showTable(table);
  const place = (i: number): string => (right[i] ? ' class="n"' : '');
  const head = titles.map((title, i) => `<th scope="col"${place(i)}>${escapeXml(title)}</th>`).join('');
  const body = rows.map((row, r) => {
    const cells = row.map(({ text, deviation, best }, i) => {
      const place = right[i] ? ' class="n"' : text.length > 28 ? ' class="w"' : '';
      const main = best ? `<strong>${escapeXml(text)}</strong>` : escapeXml(text);
      const spread = deviation === undefined ? '' : ` <span class="d">± ${escapeXml(deviation)}</span>`;
      return `<td${place}>${main}${spread}</td>`;
    });
    return `<tr${begins[r] ? ' class="g"' : ''}>${cells.join('')}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

/** A chart for use inside a page: its style is in the page once. */
function inlineChart(svg: string): string {
  return svg.replace(/<style>.*?<\/style>/s, '').trim();
}

async function renderBlock(block: Block): Promise<string> {
  switch (block.kind) {
    case 'text':
      return `<p>${inline(block.text)}</p>`;
    case 'code':
      return `<pre><code>${escapeXml(block.code)}</code></pre>`;
    case 'facts': {
      const facts = block.facts.map(
        ({ name, value, note }) =>
          `<div><dt>${inline(name)}</dt><dd>${escapeXml(value)}` +
          `${note === undefined ? '' : `<small>${inline(note)}</small>`}</dd></div>`,
      );
      return `<dl class="facts">${facts.join('')}</dl>`;
    }
    case 'table': {
      const csv = `data:text/csv;charset=utf-8,${encodeURIComponent(await tableToCsv(block.table))}`;
      const link = ` <a download="table.csv" href="${escapeXml(csv)}">CSV</a>`;
      return (
        '<figure class="table"><div class="scroll" tabindex="0" role="region" aria-label="Table, scrolls sideways">' +
        `${tableToHtml(block.table)}</div>${caption(block, link)}</figure>`
      );
    }
    case 'gallery': {
      const exhibit = ({ title, note, image }: Exhibit): string =>
        `<li>${image === undefined ? '' : `<img alt="" src="${escapeXml(image)}">`}<span>${escapeXml(title)}</span>` +
        `${note === undefined ? '' : `<small>${escapeXml(note)}</small>`}</li>`;
      const rows = block.rows.map((row) => `<ul>${row.map(exhibit).join('')}</ul>`);
      return `<figure class="gallery">${rows.join('')}${caption(block)}</figure>`;
    }
    case 'charts': {
      const charts = block.charts.map(
        (chart) => `<figure>${inlineChart(chart.svg)}${caption(chart)}</figure>`,
      );
      return `<div class="charts">${charts.join('')}</div>`;
    }
  }
}

const pageRules = [
  colourRules(':root'),
  ':root{color-scheme:light dark;--side:28px}',
  `body{margin:0;background:var(--fc-paper);color:var(--fc-ink);font:16px/1.55 ${fontFamily}}`,
  'main{max-width:1080px;margin:0 auto;padding:56px var(--side) 72px}',
  'h1{font-size:32px;line-height:1.2;letter-spacing:-.015em;margin:0 0 10px}',
  '.lead{font-size:18px;color:var(--fc-soft);max-width:46em;margin:0 0 28px}',
  'nav{display:flex;flex-wrap:wrap;gap:6px 20px;font-size:14px;border-block:1px solid var(--fc-grid);padding:10px 0}',
  'a{color:var(--fc-s0);text-decoration-thickness:1px;text-underline-offset:3px}',
  'nav a{text-decoration:none}nav a:hover{text-decoration:underline}',
  'section{margin-top:52px}h2{font-size:21px;letter-spacing:-.01em;margin:0 0 14px}',
  'p{max-width:46em;margin:0 0 14px}',
  'figure{margin:22px 0 0;min-width:0}figure+p,.charts+p,.charts+.facts{margin-top:32px}',
  'figcaption{font-size:13.5px;line-height:1.5;color:var(--fc-soft);margin-top:10px;max-width:58em}',
  '.made{display:block;margin-top:2px}',
  "code{font:.88em/1.5 ui-monospace,'SF Mono',Menlo,Consolas,'Liberation Mono',monospace;overflow-wrap:anywhere}",
  'pre{background:color-mix(in srgb,var(--fc-grid) 45%,transparent);border-radius:6px;padding:14px 16px;',
  'overflow-x:auto;margin:18px 0 0}',
  // A table may be wider than the text; where even the window is too narrow it scrolls under its first column, and a
  // shadow shows that there is more: a pixel within the edges, which a width that is no whole number leaves uncovered.
  '.table{width:max-content;min-width:100%;max-width:calc(100vw - 2 * var(--side));position:relative;left:50%;',
  'transform:translateX(-50%)}',
  '.scroll{overflow-x:auto;',
  'background:linear-gradient(to right,var(--fc-paper) 40%,transparent) left/48px 100%,',
  'linear-gradient(to left,var(--fc-paper) 40%,transparent) right/48px 100%,',
  'linear-gradient(to right,rgb(0 0 0/.22),transparent) left 1px top 1px/14px calc(100% - 2px),',
  'linear-gradient(to left,rgb(0 0 0/.22),transparent) right 1px top 1px/14px calc(100% - 2px);',
  'background-repeat:no-repeat;background-attachment:local,local,scroll,scroll}',
  'table{border-collapse:collapse;font-size:14.5px;line-height:1.35;font-variant-numeric:tabular-nums;min-width:50%}',
  'th{text-align:left;font-weight:600;color:var(--fc-soft);font-size:13px;vertical-align:bottom;',
  'border-bottom:1.5px solid var(--fc-axis)}',
  'th,td{padding:6px 18px 6px 0}th:last-child,td:last-child{padding-right:0}',
  'td{border-bottom:1px solid var(--fc-grid);white-space:nowrap;vertical-align:top}',
  'td.w{white-space:normal;min-width:14em}td.n,th.n{text-align:right}',
  'th:first-child,td:first-child{position:sticky;left:0;background:var(--fc-paper)}',
  'tr.g td{border-top:2px solid var(--fc-axis)}',
  '.d{display:block;color:var(--fc-soft);font-size:.82em;line-height:1.15}',
  '.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr));gap:8px 36px}',
  '.charts svg{width:100%;height:auto;max-width:760px;display:block}',
  '.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:20px 28px;margin:0 0 22px}',
  '.facts dt{font-size:13px;color:var(--fc-soft)}',
  '.facts dd{margin:2px 0 0;font-size:27px;font-weight:600;line-height:1.2;letter-spacing:-.015em;',
  'font-variant-numeric:tabular-nums}',
  '.facts small{display:block;font-size:13px;font-weight:400;letter-spacing:0;color:var(--fc-soft);',
  'line-height:1.4;margin-top:3px}',
  '.gallery ul{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(130px,1fr));',
  'gap:12px 18px;margin:0;padding:12px 0;border-bottom:1px solid var(--fc-grid);font-size:13px;',
  'line-height:1.35}',
  '.gallery li:first-child{font-weight:600}',
  '.gallery img{display:block;max-width:96px;max-height:96px;margin-bottom:5px}',
  '.gallery span{display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow:hidden;',
  'overflow-wrap:anywhere}.gallery small{color:var(--fc-soft);font-weight:400}',
  '.environment{display:grid;grid-template-columns:max-content 1fr;gap:4px 24px;font-size:14px;margin:0}',
  '.environment dt{color:var(--fc-soft)}.environment dd{margin:0;overflow-wrap:anywhere}',
  '@media(max-width:640px){:root{--side:16px}main{padding-top:32px}h1{font-size:26px}.lead{font-size:16px}',
  'section{margin-top:40px}.environment{grid-template-columns:1fr;gap:0}.environment dd{margin-bottom:8px}',
  'th,td{padding-right:14px}}',
  '@media print{main{padding:0}.scroll{overflow:visible}nav{display:none}section{break-inside:avoid-page}}',
].join('\n');

function anchorOf(title: string, index: number): string {
  const slug = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return `${slug || 'section'}-${index + 1}`;
}

/**
 * Puts a report together: one HTML file that needs no other, the same bytes for the same input.
 */
export async function renderReport(report: Report): Promise<string> {
  const environment = Object.entries(report.environment ?? {});
  const sections = await Promise.all(
    report.sections.map(async ({ title, blocks }, i) => ({
      title,
      anchor: anchorOf(title, i),
      html: (await Promise.all(blocks.map(renderBlock))).join('\n'),
    })),
  );
  if (environment.length > 0)
    sections.push({
      title: 'Environment',
      anchor: 'environment',
      html: `<dl class="environment">${environment
        .map(([name, value]) => `<dt>${escapeXml(name)}</dt><dd>${escapeXml(String(value))}</dd>`)
        .join('')}</dl>`,
    });
  const links = sections.map(({ title, anchor }) => `<a href="#${anchor}">${escapeXml(title)}</a>`);
  const nav = sections.length > 2 ? `<nav aria-label="Sections">${links.join('')}</nav>\n` : '';
  const summary = report.summary === undefined ? '' : `<p class="lead">${inline(report.summary)}</p>\n`;
  const bodies = sections.map(
    ({ title, anchor, html }) =>
      `<section id="${anchor}">\n<h2>${escapeXml(title)}</h2>\n${html}\n</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(report.title)}</title>
<style>
${pageRules}
${chartRules}
</style>
</head>
<body>
<main>
<header>
<h1>${escapeXml(report.title)}</h1>
${summary}${nav}</header>
${bodies.join('\n')}
</main>
</body>
</html>
`;
}
