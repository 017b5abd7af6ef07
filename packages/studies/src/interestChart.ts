import { lineChart, type Chart } from '@ferry/report';
import type { InterestSizes } from '@ferry/sequential';
import { counted } from './words.ts';

/**
 * How many item tokens each interest holds, the largest first, by modality.
 *
 * @param run - The run whose interests they are.
 * @param command - That made it.
 */
export function interestChart(
  run: string,
  { sizes, count, effective, mixed }: InterestSizes,
  command?: string,
): Chart {
  const modalities = Object.keys(sizes);
  const held = mixed === 1 ? '1 holds' : `${mixed} hold`;
  return {
    svg: lineChart({
      title: `Sizes of interests: ${run}`,
      description: `Items of each interest of ${run} by modality, the largest interest of each modality first.`,
      x: { title: 'interest, the largest first' },
      y: { title: 'items', zero: true },
      series: Object.entries(sizes).map(([modality, counts]) => ({
        name: modality,
        points: [...counts]
          .sort((a, b) => b - a)
          .filter((items) => items > 0)
          .map((items, i) => [i + 1, items] as const),
      })),
    }),
    caption:
      `\`${run}\`: ${counted(count, 'interest')}, as spread out as ${effective.toFixed(1)} equally large ones` +
      (modalities.length > 1 ? `; ${held} texts and pictures.` : '.'),
    command,
  };
}
