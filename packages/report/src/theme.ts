/**
 * Colours of series, for a light and a dark ground: distinct for the usual colour blindnesses, and of a contrast of at
 * least 3 to the ground.
 */
const colours: readonly (readonly [light: string, dark: string])[] = [
  ['#2467a8', '#74aee8'],
  ['#c2571a', '#f0a063'],
  ['#1b8a6b', '#5cc6a3'],
  ['#a63d82', '#e38fc8'],
  ['#80700f', '#cdb955'],
  ['#5d5aa8', '#a9a6f2'],
  ['#616b75', '#a8b3be'],
  ['#a33a3a', '#ec8f8f'],
];

/** How many colours there are; further series begin anew with another dash. */
export const colourCount = colours.length;

/** Font of all charts and reports. */
export const fontFamily =
  "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Liberation Sans', Arial, sans-serif";

function variables(index: 0 | 1): string {
  const base =
    index === 0
      ? { ink: '#1c2430', soft: '#566170', grid: '#e2e6ea', axis: '#98a2ad', paper: '#ffffff' }
      : { ink: '#e8ebef', soft: '#a4aeba', grid: '#313942', axis: '#6d7884', paper: '#14181d' };
  const series = colours.map((pair, i) => [`s${i}`, pair[index]] as const);
  return [...Object.entries(base), ...series].map(([name, colour]) => `--fc-${name}:${colour}`).join(';');
}

/** Colours as custom properties of a selector, by the reader's preferred scheme. */
export function colourRules(selector: string): string {
  return `${selector}{${variables(0)}}@media (prefers-color-scheme:dark){${selector}{${variables(1)}}}`;
}

/** Style of everything inside a chart. */
export const chartRules = [
  `.fc{font-family:${fontFamily};font-size:12px}`,
  '.fc text{fill:var(--fc-soft)}',
  '.fc .title{fill:var(--fc-ink);font-size:15px;font-weight:600}',
  '.fc .name{fill:var(--fc-ink)}',
  '.fc .value{fill:var(--fc-ink);font-size:11px}',
  '.fc .grid{stroke:var(--fc-grid);stroke-width:1}',
  '.fc .axis{stroke:var(--fc-axis);stroke-width:1}',
  '.fc .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}',
  '.fc .point{stroke:var(--fc-paper);stroke-width:1.5}',
  '.fc .band{stroke:none;fill-opacity:.16}',
  '.fc .whisker{stroke:var(--fc-ink);stroke-width:1.25;fill:none;stroke-opacity:.75}',
  ...colours.map((_, i) => `.fc .c${i}{stroke:var(--fc-s${i})}.fc .f${i}{fill:var(--fc-s${i})}`),
].join('');
