import { RpcError } from '../../rpc/index.ts';
import type { Subscription } from '../service.ts';

type Delivery = Pick<Subscription, 'pushConfig' | 'enableExactlyOnceDelivery'>;

/** Exactly-once delivery is for pull and streaming pull. Throws INVALID_ARGUMENT. */
export function checkDelivery({ pushConfig, enableExactlyOnceDelivery }: Delivery): void {
  if (pushConfig === undefined || enableExactlyOnceDelivery !== true) return;
  throw new RpcError(
    'INVALID_ARGUMENT',
    'EXACTLY_ONCE_PUSHED',
    'Exactly-once delivery is not supported for push subscriptions.',
  );
}
