import { describe, expect, test } from 'vitest';

import { keyClient } from '../support/key-client.ts';
import { useTestedServer } from '../support/tested-server.ts';
import { wireNames } from '../support/wire.ts';

const live = useTestedServer(['--region', 'europe-west6']);

describe.each(wireNames)('Locations over %s', (wire) => {
  const keys = keyClient(live, wire);
  const location = (id: string): object => ({
    name: `${keys.project}/locations/${id}`,
    locationId: id,
    labels: { 'cloud.googleapis.com/region': id },
    metadata: { '@type': 'type.googleapis.com/google.cloud.kms.v1.LocationMetadata' },
  });

  test('"Lists information about the supported locations": global and the server\'s own', async () => {
    expect(await keys.call('ListLocations', { name: keys.project })).toEqual({
      locations: [location('global'), location('europe-west6')],
    });
  });

  test('any location is one: a key ring may be made there', async () => {
    const name = `${keys.project}/locations/here`;
    expect(await keys.call('GetLocation', { name })).toEqual(location('here'));
    await keys.call('CreateKeyRing', { parent: name, keyRingId: 'r' });
  });

  test("the service's own project is closed", async () => {
    const { code } = await keys.refusal('ListLocations', { name: 'projects/sealpost-internal' });
    expect(code).toBe('PERMISSION_DENIED');
  });

  test('what is no location is INVALID_ARGUMENT', async () => {
    const name = `${keys.project}/locations/a_b`;
    expect((await keys.refusal('GetLocation', { name })).code).toBe('INVALID_ARGUMENT');
  });
});
