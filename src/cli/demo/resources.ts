import { refusal } from './refusal.ts';
import type { RestClient } from './rest-client.ts';

/** What one run of the demo creates; all names end in the run's own suffix. */
export interface DemoResources {
  readonly key: string;
  readonly keyVersion: string;
  readonly topic: string;
  readonly subscriptions: readonly [string, string];
  readonly serviceAgent: string;
  /** The topic with this key, before the service agent may use it: the server's words. */
  readonly refusalBeforeBinding: string;
}

const project = 'demo';
const role = 'roles/cloudkms.cryptoKeyEncrypterDecrypter';

/** Key ring, key, topic (refused), binding, topic, two subscriptions: over REST, as gcloud does. */
export async function createResources(rest: RestClient, suffix: string): Promise<DemoResources> {
  const { projectNumber } = await rest.call('GET', `projects/${project}`);
  const serviceAgent = `service-${String(projectNumber)}@gcp-sa-pubsub.iam.gserviceaccount.com`;
  const location = `projects/${project}/locations/global`;
  const ring = `${location}/keyRings/demo-${suffix}`;
  await rest.call('POST', `${location}/keyRings?keyRingId=demo-${suffix}`, {});
  const key = `${ring}/cryptoKeys/flights`;
  const created = await rest.call('POST', `${ring}/cryptoKeys?cryptoKeyId=flights`, {
    purpose: 'ENCRYPT_DECRYPT',
  });
  const topic = `projects/${project}/topics/flights-${suffix}`;
  const createTopic = { kmsKeyName: key };
  const refusalBeforeBinding = await refusal(() => rest.call('PUT', topic, createTopic));
  await rest.call('POST', `${key}:setIamPolicy`, {
    policy: { bindings: [{ role, members: [`serviceAccount:${serviceAgent}`] }] },
  });
  await rest.call('PUT', topic, createTopic);
  const subscriptions = [
    `projects/${project}/subscriptions/delays-${suffix}`,
    `projects/${project}/subscriptions/archive-${suffix}`,
  ] as const;
  // The archive keeps what was acknowledged, so that all of it is on disk when that is searched.
  for (const [n, subscription] of subscriptions.entries()) {
    const body = { topic, ackDeadlineSeconds: 60, retainAckedMessages: n === 1 };
    await rest.call('PUT', subscription, body);
  }
  const keyVersion = (created['primary'] as { readonly name: string }).name;
  return { key, keyVersion, topic, subscriptions, serviceAgent, refusalBeforeBinding };
}

export async function setKeyState(
  rest: RestClient,
  keyVersion: string,
  state: 'ENABLED' | 'DISABLED',
): Promise<void> {
  await rest.call('PATCH', `${keyVersion}?updateMask=state`, { state });
}

/** Topic and subscriptions; key rings and keys are never deleted (cloudkms.v1). */
export async function removeResources(rest: RestClient, resources: DemoResources): Promise<void> {
  for (const name of [...resources.subscriptions, resources.topic]) {
    await rest.call('DELETE', name);
  }
}
