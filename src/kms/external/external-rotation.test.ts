import { expect, test } from 'vitest';

import { refuseExternalRotation } from './external-rotation.ts';

test.each([
  [{ nextRotationTimeMs: 1 }, 'crypto_key.next_rotation_time'],
  [{ rotationPeriodSeconds: 86_400 }, 'crypto_key.rotation_period'],
])('an EXTERNAL key does not rotate by itself: %j', (rotation, field) => {
  const refusal = expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(field),
    details: [expect.objectContaining({ fieldViolations: [expect.objectContaining({ field })] })],
  });
  expect(() => refuseExternalRotation('EXTERNAL', rotation)).toThrow(refusal);
  refuseExternalRotation('HSM', rotation);
  refuseExternalRotation('EXTERNAL', {});
});
