import { expect, test } from 'vitest';

import { steadyLife } from './steady-subscriber.ts';

test('the official Node client keeps its streams and leases for two minutes', async () => {
  const life = await steadyLife(120_000);
  const { published } = life;
  expect(published).toBeGreaterThan(30);
  expect(life).toEqual({
    published,
    received: published,
    repeated: [],
    held: Math.ceil(published / 30),
    streamEnds: [],
    errors: [],
    left: 0,
  });
});
