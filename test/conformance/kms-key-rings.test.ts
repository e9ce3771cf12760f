import { describe, expect, test } from 'vitest';

import { keyClient } from '../support/key-client.ts';
import { freshId } from '../support/live-api.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames, type Json } from '../support/wire.ts';
import { badField, exists, missing } from './kms-refusals.ts';

interface Page {
  readonly keyRings?: readonly { readonly name: string }[];
  readonly nextPageToken?: string;
}

const live = useTestedServer();

describe.each(wireNames)('KeyRings over %s', (wire) => {
  const keys = keyClient(live, wire);
  const parent = keys.location;

  test('"Create a new KeyRing in a given Project and Location": it has a name and its time', async () => {
    const keyRingId = freshId('made');
    const name = `${parent}/keyRings/${keyRingId}`;
    const ring = await keys.call('CreateKeyRing', { parent, keyRingId });
    expect(ring).toEqual({ name, createTime: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(await keys.call('GetKeyRing', { name })).toEqual(ring);
  });

  test('a second one of the name is ALREADY_EXISTS', async () => {
    const name = await keys.keyRing();
    const keyRingId = name.split('/').at(-1)!;
    expect(await keys.refusal('CreateKeyRing', { parent, keyRingId })).toEqual(
      exists('KeyRing', name),
    );
  });

  test.each(['', 'a.b', 'a/b', 'ü', 'a'.repeat(64)])(
    'the id %j is none: "must match the regular expression [a-zA-Z0-9_-]{1,63}"',
    async (keyRingId) => {
      expect(await keys.refusal('CreateKeyRing', { parent, keyRingId })).toEqual(
        badField('key_ring_id', 'Request field key_ring_id must match [a-zA-Z0-9_-]{1,63}.'),
      );
    },
  );

  test('one that is not there is NOT_FOUND', async () => {
    const name = `${parent}/keyRings/none`;
    expect(await keys.refusal('GetKeyRing', { name })).toEqual(missing('KeyRing', name));
  });

  test('a list has those of its location alone, by name, page by page', async () => {
    const own = `${keys.project}/locations/${freshId('loc')}`;
    const ids = ['c', 'a', 'b'];
    for (const keyRingId of ids) await keys.call('CreateKeyRing', { parent: own, keyRingId });
    const beside = { parent: `${own}0`, keyRingId: 'other' };
    await keys.call('CreateKeyRing', beside);
    const names = ['a', 'b', 'c'].map((id) => `${own}/keyRings/${id}`);
    const first = await keys.call<Page>('ListKeyRings', { parent: own, pageSize: 2 });
    expect(first.keyRings?.map(({ name }) => name)).toEqual(names.slice(0, 2));
    const { nextPageToken: pageToken } = first;
    const second = await keys.call<Page>('ListKeyRings', { parent: own, pageSize: 2, pageToken });
    expect(second.keyRings?.map(({ name }) => name)).toEqual(names.slice(2));
    expect(second).not.toHaveProperty('nextPageToken');
  });

  test('a filter and an order: "Only include resources that match the filter"', async () => {
    const own = `${keys.project}/locations/${freshId('loc')}`;
    for (const keyRingId of ['red-1', 'blue-1', 'red-2']) {
      await keys.call('CreateKeyRing', { parent: own, keyRingId });
    }
    const ask = async (more: Json): Promise<string[]> => {
      const { keyRings = [] } = await keys.call<Page>('ListKeyRings', { parent: own, ...more });
      return keyRings.map(({ name }) => name.split('/').at(-1)!);
    };
    expect(await ask({ filter: 'name:red' })).toEqual(['red-1', 'red-2']);
    expect(await ask({ orderBy: 'name desc' })).toEqual(['red-2', 'red-1', 'blue-1']);
  });

  test.each<[Json, string]>([
    [{ pageSize: -1 }, 'page_size'],
    [{ pageToken: 'x' }, 'page_token'],
  ])('%j is refused', async (more, field) => {
    const { code, details } = await keys.refusal('ListKeyRings', { parent, ...more });
    expect(code).toBe('INVALID_ARGUMENT');
    expect(details).toMatchObject([{ fieldViolations: [{ field }] }]);
  });

  test("the service's own project is closed", async () => {
    const own = 'projects/sealpost-internal/locations/global';
    const { code, details } = await keys.refusal('ListKeyRings', { parent: own });
    expect(code).toBe('PERMISSION_DENIED');
    expect(details).toMatchObject([{ domain: 'cloudkms.googleapis.com' }]);
  });
});
