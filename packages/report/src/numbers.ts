/** Mean and deviation of repeated measurements, such as one metric over seeds. */
export interface Measurement {
  /** Arithmetic mean. */
  readonly mean: number;
  /** Sample standard deviation (n - 1 in the denominator); 0 for a single value. */
  readonly deviation: number;
  /** How many values. */
  readonly count: number;
}

const minus = '\u2212';

/** A number with a fixed number of decimals, thousands separated by commas, and a true minus sign. */
export function formatNumber(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'n/a' : value > 0 ? '\u221e' : `${minus}\u221e`;
  const [whole = '', fraction] = Math.abs(value).toFixed(decimals).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const text = fraction === undefined ? grouped : `${grouped}.${fraction}`;
  return value < 0 && /[1-9]/.test(text) ? minus + text : text;
}

/** A share as a percentage: one decimal, or as many as a small one needs to show two digits that are not leading zeros. */
export function formatShare(share: number): string {
  const percent = 100 * share;
  const decimals = percent > 0 && percent < 1 ? Math.min(8, 1 - Math.floor(Math.log10(percent))) : 1;
  return `${percent.toFixed(decimals)} %`;
}

/** A coordinate for SVG: at most 2 decimals, no trailing zeros, never `-0`. */
export function coordinate(value: number): string {
  const text = value.toFixed(2).replace(/\.?0+$/, '');
  return text === '-0' ? '0' : text;
}

/** Text that UTF-8 can hold: half a character, which a title that was cut may end with, becomes U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** What XML cannot hold in any writing. */
const beyondXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/** Escapes text for HTML and XML, attributes included; what they cannot hold becomes U+FFFD. */
export function escapeXml(text: string): string {
  return wellFormed(text)
    .replace(beyondXml, '\ufffd')
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
