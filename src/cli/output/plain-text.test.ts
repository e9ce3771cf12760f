import { expect, test } from 'vitest';

import { sentence } from './plain-text.ts';

test('a text that ends as a sentence gets no second full stop', () => {
  expect(sentence('it broke')).toBe('it broke.');
  expect(sentence('(or it may not exist)')).toBe('(or it may not exist).');
  for (const text of ['(or it may not exist).', 'Is it at this address?', 'Stop!']) {
    expect(sentence(text)).toBe(text);
  }
});
