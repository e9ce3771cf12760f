import type { LiveServer } from './live-server.ts';

/** A gauge of a subscription as Prometheus would read it now; NaN if it is not shown. */
export async function subscriptionGauge(
  { url }: Pick<LiveServer, 'url'>,
  subscription: string,
  name: string,
): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const id = subscription.slice(subscription.lastIndexOf('/') + 1);
  const line = page
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && each.includes(`subscription_id="${id}"`));
  return line === undefined ? NaN : Number(line.slice(line.lastIndexOf(' ') + 1));
}

/** Scrapes until the number of unacknowledged messages is as wanted. */
export async function untilUnacked(
  live: Pick<LiveServer, 'url'>,
  subscription: string,
  isWanted: (count: number) => boolean,
): Promise<void> {
  const name = 'pubsub_subscription_num_undelivered_messages';
  while (!isWanted(await subscriptionGauge(live, subscription, name)));
}
