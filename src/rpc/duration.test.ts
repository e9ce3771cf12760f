import { describe, expect, test } from 'vitest';

import { durationToMs, formatDuration, msToDuration } from './duration.ts';
import { camelCase, snakeCase } from './field-mask.ts';
import { parseProjectName, parsePubsubName } from './resource-name.ts';

describe('durations', () => {
  test.each([
    [599_000, '9m59s'],
    [600_000, '10m'],
    [3_600_000, '1h'],
    [2_678_400_000, '744h'],
    [1_500, '1.5s'],
    [0, '0s'],
    [-61_000, '-1m1s'],
  ])('%i ms is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([0, 1, 999, 1_500, 86_400_000, -1_500])('%i ms survives protobuf', (ms) => {
    expect(durationToMs(msToDuration(ms))).toBe(ms);
  });
});

describe('field masks', () => {
  test('either spelling comes out as snake_case', () => {
    expect(snakeCase('pushConfig.pushEndpoint')).toBe('push_config.push_endpoint');
    expect(snakeCase('push_config.push_endpoint')).toBe('push_config.push_endpoint');
    expect(camelCase(snakeCase('topicMessageRetentionDuration'))).toBe(
      'topicMessageRetentionDuration',
    );
  });
});

describe('resource names', () => {
  test.each(['abc', `a${'b'.repeat(254)}`, 'a%25', 'A-_.~+%'])('%s is an id', (id) => {
    expect(parsePubsubName(`projects/p/topics/${id}`, 'topics')).toEqual({ project: 'p', id });
  });

  test.each(['ab', '1bc', `a${'b'.repeat(255)}`, 'goog1', 'a b', 'a/b', 'abc\n', 'añb', ''])(
    '%j is none',
    (id) => {
      expect(parsePubsubName(`projects/p/topics/${id}`, 'topics')).toBeUndefined();
    },
  );

  test('the collection and the project count', () => {
    expect(parsePubsubName('projects/p/subscriptions/abc', 'topics')).toBeUndefined();
    expect(parsePubsubName('projects//topics/abc', 'topics')).toBeUndefined();
    expect(parsePubsubName('projects/example.com:app/topics/abc', 'topics')?.project).toBe(
      'example.com:app',
    );
    expect(parseProjectName('projects/p')).toBe('p');
    expect(parseProjectName('projects/')).toBeUndefined();
    expect(parseProjectName('project/p')).toBeUndefined();
  });
});
