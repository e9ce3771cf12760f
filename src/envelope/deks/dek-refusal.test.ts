import { expect, test } from 'vitest';
import { RpcError } from '../../rpc/index.ts';
import { isUnreachable, refusalOf } from './dek-refusal.ts';

const keyName = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';

test('a damaged key is DATA_LOSS in the key service’s words, and no outage to be waited for', () => {
  const damaged = new RpcError('DATA_LOSS', 'KEY_STORE_DAMAGED', 'The key store is damaged.');
  const refusal = refusalOf(damaged, keyName);
  expect(refusal).toMatchObject({
    code: 'DATA_LOSS',
    reason: 'KEY_STORE_DAMAGED',
    message: `Cloud KMS error when using key ${keyName}: The key store is damaged.`,
  });
  expect(isUnreachable(refusal)).toBe(false);
});

test('a key service that is away is one', () => {
  const away = new RpcError('UNAVAILABLE', 'AWAY', 'It is away.');
  const refusal = refusalOf(away, keyName);
  expect(refusal).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'KMS_UNREACHABLE' });
  expect(isUnreachable(refusal)).toBe(true);
});
