import { expect, it } from 'vitest';
import { formatRecommendation } from '../src/index.ts';

it('a long history is printed by its latest items', () => {
  const items = Array.from({ length: 764 }, (_, i) => ({ id: `i${i}`, title: `title ${i}` }));
  const because = items.slice(0, 40).map((item) => ({ ...item, modality: 'text' }));
  const found = { domain: 'd', history: items, items: [{ ...items[0]!, score: 0.5 }] };
  const text = formatRecommendation({
    ...found,
    interests: [{ interest: 3, weight: 0.4, because, about: [] }],
  });
  expect(text.split('\n').length).toBeLessThan(22);
  expect(text).toContain('  754 earlier items, then\n  i754  title 754\n');
  expect(text).toContain('title 4 [text]; and 35 more');
  const short = formatRecommendation({ ...found, history: items.slice(0, 10), interests: [] });
  expect(short).not.toContain('earlier');
  const one = formatRecommendation({ ...found, history: items.slice(0, 11), interests: [] });
  expect(one).toContain('  1 earlier item, then\n');
});
