import { beforeEach, expect, test } from 'vitest';

import { silentLogger } from '../runtime/index.ts';
import { Posture } from './posture.ts';
import { RefusedOrigins } from './refused-origins.ts';

const logged: unknown[] = [];
beforeEach(() => void logged.splice(0));

function postureWithLog(): Posture {
  const refused = new RefusedOrigins({
    ...silentLogger,
    info: (fields, message) => void logged.push([fields, message]),
  });
  return new Posture({
    publicHosts: [],
    allowOrigins: ['https://console.example.com'],
    browserOrigins: [],
    onOriginRefused: (origin) => refused.add(origin),
  });
}

function ask(posture: Posture, origin: string): void {
  try {
    posture.check('127.0.0.1:8085', origin, undefined);
  } catch {
    // What is logged counts here.
  }
}

test('a refused origin is logged once, with the options that would let it in', () => {
  const posture = postureWithLog();
  for (let n = 0; n < 3; n++) ask(posture, 'https://page.example.com');
  ask(posture, 'https://console.example.com');
  const message = expect.stringMatching(/--browser-origin or --allow-origin/) as string;
  expect(logged).toEqual([[{ origin: 'https://page.example.com' }, message]]);
});

test('what is logged of made-up origins is bounded, in number and length', () => {
  const posture = postureWithLog();
  for (let n = 0; n < 500; n++) ask(posture, `https://${n}.example.com/${'x'.repeat(10_000)}`);
  expect(logged).toHaveLength(100);
  expect(JSON.stringify(logged[0]).length).toBeLessThan(400);
});
