import { decodeHTML } from 'entities';
import type { Settings } from './settings.ts';

/** How texts are cleaned. */
export type Clean = Settings['text']['clean'];

/** Texts of UniSRec's scripts that are this long become empty. */
const unisrecLimit = 2000;

/**
 * A text as UniSRec's `clean_text` leaves it: HTML entities resolved, quotation marks and line breaks gone, exactly one
 * full stop at its end; empty from 2,000 characters on.
 */
export function cleanUnisrec(text: string): string {
  const bare = decodeHTML(text).replace(/["\n\r]/g, '');
  // Their loop looks at all but the first character: one that is nothing but full stops keeps its first.
  const stem = bare.slice(0, 1) + bare.slice(1).replace(/\.+$/, '');
  const ended = `${stem}.`;
  return Array.from(ended).length >= unisrecLimit ? '' : ended;
}

/** HTML entities and tags resolved, white space joined. */
function cleanPlain(text: string): string {
  return decodeHTML(text.replace(/<\/?[a-z][^<>]*>/gi, ' '))
    .replace(/[\s\0]+/g, ' ')
    .trim();
}

/** A text cleaned. */
export function cleanText(text: string, clean: Clean): string {
  if (clean === 'plain') return cleanPlain(text);
  return clean === 'unisrec' ? cleanUnisrec(text) : text;
}

/** What a value of a file of items is as text: lists joined by blanks. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value))
    return value
      .map(textOf)
      .filter((part) => part !== '')
      .join(' ');
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : '';
}

/** Sizes of a picture, the largest first, under the names that Amazon's metadata has. */
const pictureKeys = ['hi_res', 'large', 'url', 'thumb'];

/** The first picture that a value names. */
export function imageOf(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  if (Array.isArray(value)) {
    for (const entry of value) {
      const found = imageOf(entry);
      if (found !== '') return found;
    }
    return '';
  }
  if (typeof value !== 'object' || value === null) return '';
  for (const key of pictureKeys) {
    const found = imageOf((value as Record<string, unknown>)[key]);
    if (found !== '') return found;
  }
  return '';
}

/**
 * Joins the parts of a text. UniSRec puts a blank behind each part that is there, empty ones too.
 */
export function joinParts(parts: readonly string[], clean: Clean, join: string): string {
  if (clean === 'unisrec') return parts.map((part) => `${part} `).join('');
  const own = parts.map((part) => part.trim()).filter((part) => part !== '');
  // A part that ends a sentence needs no second full stop.
  return own
    .map((part, at) =>
      at === own.length - 1
        ? part
        : join.startsWith('.') && /[.!?…。！？]$/.test(part)
          ? part + join.slice(1)
          : part + join,
    )
    .join('');
}
