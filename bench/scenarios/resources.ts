/** Topics and subscriptions over REST, the same on Sealpost and the emulator. */
export interface Resources {
  readonly topic: string;
  readonly subscription: string;
  readonly remove: () => Promise<void>;
}

const project = 'projects/bench';

export async function call(
  address: string,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<unknown> {
  const response = await fetch(`http://${address}/v1/${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${String(response.status)} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** A topic with one subscription, so that what is published has to be kept. */
export async function createResources(address: string, id: string): Promise<Resources> {
  const topic = `${project}/topics/${id}`;
  const subscription = `${project}/subscriptions/${id}`;
  await call(address, 'PUT', topic, {});
  await call(address, 'PUT', subscription, { topic, ackDeadlineSeconds: 60 });
  return {
    topic,
    subscription,
    remove: async () => {
      await call(address, 'DELETE', subscription);
      await call(address, 'DELETE', topic);
    },
  };
}
