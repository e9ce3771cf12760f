import { expect, test } from 'vitest';

import { checkProject, checkSubscriptionName, checkTopicName } from './validation.ts';

test("Nobody has topics or subscriptions in the project of the service's own key", () => {
  const refusal = expect.objectContaining({
    code: 'PERMISSION_DENIED',
    reason: 'PROJECT_RESERVED',
  }) as Error;
  const project = 'projects/sealpost-internal';
  expect(() => checkTopicName(`${project}/topics/orders`)).toThrowError(refusal);
  expect(() => checkSubscriptionName(`${project}/subscriptions/orders`)).toThrowError(refusal);
  expect(() => checkProject(project)).toThrowError(refusal);
  expect(() => checkTopicName('projects/sealpost/topics/orders')).not.toThrow();
});
