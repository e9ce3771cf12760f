import { describe } from 'vitest';
import { createRuncDriver } from '../../src/vault/instances/drivers/runc-driver.ts';
import { driverCases } from '../support/instance-cases.ts';
import { hasRunc } from '../support/instance-sandbox.ts';

describe.skipIf(!hasRunc)('instances in runc (needs root, runc and busybox-static)', () => {
  driverCases('runc', createRuncDriver);
});
