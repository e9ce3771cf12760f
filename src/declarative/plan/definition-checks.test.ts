import { describe, expect, test } from 'vitest';

import { RpcError, type StatusCode } from '../../rpc/index.ts';
import type { DeclaredResource } from '../document/declared-resources.ts';
import { refusedDefinitions } from './definition-checks.ts';

const topic: DeclaredResource = {
  kind: 'topic',
  project: 'cafe',
  name: 'projects/cafe/topics/orders',
  fields: { messageTransforms: [{ compression: {} }, { javascriptUdf: {} }] },
  path: ['projects', 'cafe', 'topics', 'orders'],
};

type Refusing = Exclude<StatusCode, 'OK'>;

const refusing = (code: Refusing, message: string): ReturnType<typeof refusedDefinitions> =>
  refusedDefinitions(topic, () => Promise.reject(new RpcError(code, 'REASON', message)));

describe('definitions that are checked beforehand', () => {
  test('are told one by one, without the place in a request that nobody wrote', async () => {
    const message =
      'You have passed an invalid argument to the service (argument=message_transforms[0]: no such function).';
    expect(await refusing('INVALID_ARGUMENT', message)).toEqual([
      { path: ['messageTransforms', '0'], message: 'no such function' },
      { path: ['messageTransforms', '1'], message: 'no such function' },
    ]);
  });

  test('are left to their step where the caller may not ask, or nobody answers', async () => {
    expect(await refusing('PERMISSION_DENIED', 'No.')).toEqual([]);
    expect(await refusing('UNIMPLEMENTED', 'Not here.')).toEqual([]);
  });

  test('are not passed over when a check could not be made', async () => {
    await expect(refusing('UNAVAILABLE', 'Later.')).rejects.toThrow('Later.');
  });
});
