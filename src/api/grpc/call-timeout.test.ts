import { expect, test } from 'vitest';

import { boundCallTimeout } from './call-timeout.ts';

function bounded(timeout?: string): unknown {
  const headers = timeout === undefined ? {} : { 'grpc-timeout': timeout };
  boundCallTimeout(headers);
  return headers['grpc-timeout'];
}

test.each(['60S', '900000m', '99999999n', '596H', '2147483S', '0m', 'nonsense', '123456789S'])(
  'a time of %s is left as it is',
  (timeout) => expect(bounded(timeout)).toBe(timeout),
);

test.each(['4294967S', '2147484S', '597H', '99999999H', '99999999M'])(
  'a time of %s, more than a timer can count, becomes the longest there is',
  (timeout) => expect(bounded(timeout)).toBe('2147483S'),
);

test('a call without a time stays without one', () => expect(bounded()).toBeUndefined());
