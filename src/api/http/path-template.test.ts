import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { HttpMethod, Route } from '../route.ts';
import { RouteTable } from './route-table.ts';

const route = (method: HttpMethod, template: string): Route => ({
  rpc: `${method} ${template}`,
  method,
  template,
  handle: () => ({}),
});

const table = new RouteTable([
  route('GET', '/v1/{project=projects/*}'),
  route('GET', '/v1/{project=projects/*}/topics'),
  route('GET', '/v1/{topic=projects/*/topics/*}'),
  route('PATCH', '/v1/{topic.name=projects/*/topics/*}'),
  route('POST', '/v1/{topic=projects/*/topics/*}:publish'),
  route('POST', '/v1/{subscription=projects/*/subscriptions/*}:pull'),
  route('POST', '/v1/{subscription=projects/*/subscriptions/*}:acknowledge'),
  route('POST', '/v1/{parent=projects/*}/schemas:validate'),
  route('GET', '/v1/{name=projects/*/locations/*/keyRings/**}'),
]);

const match = (method: HttpMethod, path: string): [string, Record<string, string>] | undefined => {
  const found = table.match(method, path);
  return found === undefined ? undefined : [found.route.template, { ...found.params }];
};

describe('RouteTable', () => {
  test('tells verbs on one parameter apart', () => {
    const path = '/v1/projects/p/subscriptions/s';
    expect(match('POST', `${path}:pull`)?.[0]).toContain(':pull');
    expect(match('POST', `${path}:acknowledge`)?.[0]).toContain(':acknowledge');
    expect(match('POST', `${path}:nope`)).toBeUndefined();
    expect(match('POST', path)).toBeUndefined();
    expect(match('GET', `${path}:pull`)).toBeUndefined();
  });

  test('a colon of a domain-scoped project is not a verb', () => {
    expect(match('GET', '/v1/projects/example.com:proj')?.[1]).toEqual({
      project: 'projects/example.com:proj',
    });
    expect(match('GET', '/v1/projects/example.com:proj/topics')?.[1]).toEqual({
      project: 'projects/example.com:proj',
    });
    expect(match('POST', '/v1/projects/example.com:proj/topics/abc:publish')?.[1]).toEqual({
      topic: 'projects/example.com:proj/topics/abc',
    });
  });

  test('decodes exactly once', () => {
    const topic = (path: string): string | undefined => match('GET', path)?.[1]['topic'];
    expect(topic('/v1/projects/p/topics/a%25b')).toBe('projects/p/topics/a%b');
    expect(topic('/v1/projects/p/topics/a%2525b')).toBe('projects/p/topics/a%25b');
    expect(topic('/v1/projects/p/topics/a+b~c')).toBe('projects/p/topics/a+b~c');
    expect(topic('/v1/projects/p/topics/a%2Fb')).toBe('projects/p/topics/a/b');
    expect(match('POST', '/v1/projects/p/topics/a%3Apublish')).toBeUndefined();
    expect(() => topic('/v1/projects/p/topics/a%')).toThrow('Invalid resource name');
    expect(() => topic('/v1/projects/p/topics/%ff')).toThrow('Invalid resource name');
  });

  test('nothing else fits', () => {
    for (const path of ['/', '', '/v1', '/v1/', '/v1/projects/', '/v1/projects//topics']) {
      expect(match('GET', path)).toBeUndefined();
    }
    expect(match('GET', '/v1/projects/p/topics/')).toBeUndefined();
    expect(match('GET', '/v1/projects/p/topics/t/')).toBeUndefined();
    expect(match('GET', '/v1/projects/p/locations/l/keyRings/a/b/c')?.[1]).toEqual({
      name: 'projects/p/locations/l/keyRings/a/b/c',
    });
  });

  test('any legal id of up to 255 characters comes out as it went in', () => {
    const alphabet = 'ABCxyz019-_.~+%'.split('');
    const id = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 3, maxLength: 255 });
    fc.assert(
      fc.property(id, (text) => {
        const path = `/v1/projects/p/topics/${encodeURIComponent(text)}`;
        expect(match('GET', path)?.[1]).toEqual({ topic: `projects/p/topics/${text}` });
        expect(match('POST', `${path}:publish`)?.[1]).toEqual({
          topic: `projects/p/topics/${text}`,
        });
      }),
    );
  });
});
