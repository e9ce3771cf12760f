import { describe, expect, test } from 'vitest';

import { RpcError, statusTable, type StatusCode } from '../rpc/index.ts';
import { closeOf, closeOfViolation, isFarewell } from './close-mapping.ts';

describe('the close of a session', () => {
  const codes = Object.entries(statusTable).filter(([code]) => code !== 'OK');

  test.each(codes)('%s is 4000 and its number', (code, { number }) => {
    const error = new RpcError(code as Exclude<StatusCode, 'OK'>, 'WHY', 'Because.');
    expect(closeOf(error)).toEqual({ code: 4000 + number, reason: 'WHY: Because.' });
  });

  test.each([
    ['DRAINING', 1001],
    ['WRONG_FRAME_KIND', 1003],
    ['REQUEST_BYTES_EXHAUSTED', 1013],
  ])('%s is a condition of the transport', (reason, code) => {
    expect(closeOf(new RpcError('UNAVAILABLE', reason, 'x')).code).toBe(code);
  });

  test('a bug is 1011 and says nothing of itself', () => {
    expect(closeOf(new TypeError('secret'))).toEqual({
      code: 1011,
      reason: 'INTERNAL: Internal error encountered.',
    });
  });

  test('its reason is cut to 123 bytes, between characters', () => {
    for (const letter of ['x', 'é', '한', '😀']) {
      const error = new RpcError('ABORTED', 'R', letter.repeat(200));
      const bytes = Buffer.byteLength(closeOf(error).reason);
      expect(bytes).toBeLessThanOrEqual(123);
      expect(bytes).toBeGreaterThan(123 - 4);
      expect(closeOf(error).reason).toMatch(new RegExp(`^R: (${letter})+$`, 'u'));
    }
    const lone = new RpcError('ABORTED', 'R', 'a\ud800');
    expect(closeOf(lone).reason).toBe('R: a\ufffd');
  });
});

test('what breaks the rules of WebSocket has a code, what breaks a connection none', () => {
  expect(closeOfViolation('WS_ERR_EXPECTED_MASK')).toBe(1002);
  expect(closeOfViolation('WS_ERR_INVALID_UTF8')).toBe(1007);
  expect(closeOfViolation('Z_DATA_ERROR')).toBe(1007);
  expect(closeOfViolation('WS_ERR_TOO_MANY_BUFFERED_PARTS')).toBe(1008);
  expect(closeOfViolation('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')).toBe(1009);
  expect(closeOfViolation('ECONNRESET')).toBeUndefined();
});

test('a client that closes in order does not come back, one that breaks off may', () => {
  expect([1000, 1001, 1005].map(isFarewell)).toEqual([true, true, true]);
  expect([1002, 1006, 1011, 3000, 4999].map(isFarewell)).toEqual(Array(5).fill(false));
});
