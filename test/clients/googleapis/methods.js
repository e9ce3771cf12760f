// Calls every method that the `googleapis` REST client has for topics, subscriptions and snapshots.
// Usage: node methods.js URL. Prints one line of JSON per call: {"method", "answer"} or
// {"method", "refusal"}.
import { pubsub } from 'googleapis/build/src/apis/pubsub/index.js';

const [rootUrl] = process.argv.slice(2);
const { projects } = pubsub({ version: 'v1', rootUrl: `${rootUrl}/` });
const project = 'projects/rest';
const topic = `${project}/topics/orders`;
const subscription = `${project}/subscriptions/orders-sub`;
const pushed = `${project}/subscriptions/pushed`;
const snapshot = `${project}/snapshots/before`;

/** Calls a method by its name and prints what came of it; the answer. */
async function call(method, params) {
  const path = method.split('.');
  const verb = path.pop();
  const resource = path.reduce((within, name) => within[name], projects);
  try {
    const { data } = await resource[verb](params);
    console.log(JSON.stringify({ method, answer: data }));
    return data;
  } catch (error) {
    const { code, status } = error.response?.data?.error ?? { status: String(error) };
    console.log(JSON.stringify({ method, refusal: { code, status } }));
    return {};
  }
}

await call('topics.create', { name: topic, requestBody: { labels: { team: 'blue' } } });
await call('topics.get', { topic });
await call('topics.list', { project, pageSize: 10 });
const update = { topic: { labels: { team: 'red' } }, updateMask: 'labels' };
await call('topics.patch', { name: topic, requestBody: update });
const created = { topic, ackDeadlineSeconds: 20, retainAckedMessages: true };
await call('subscriptions.create', { name: subscription, requestBody: created });
await call('subscriptions.create', { name: pushed, requestBody: { topic } });
await call('subscriptions.get', { subscription });
await call('subscriptions.list', { project });
const changed = { subscription: { ackDeadlineSeconds: 30 }, updateMask: 'ackDeadlineSeconds' };
await call('subscriptions.patch', { name: subscription, requestBody: changed });
const pushConfig = { pushEndpoint: 'http://127.0.0.1:9/never' };
await call('subscriptions.modifyPushConfig', { subscription: pushed, requestBody: { pushConfig } });
await call('topics.subscriptions.list', { topic });
const named = { subscription, labels: { why: 'test' } };
await call('snapshots.create', { name: snapshot, requestBody: named });
await call('snapshots.get', { snapshot });
await call('snapshots.list', { project });
await call('topics.snapshots.list', { topic });
const relabelled = { snapshot: { labels: { why: 'replay' } }, updateMask: 'labels' };
await call('snapshots.patch', { name: snapshot, requestBody: relabelled });

const data = Buffer.from('hello').toString('base64');
const message = { data, attributes: { kind: 'new' }, orderingKey: 'k' };
await call('topics.publish', { topic, requestBody: { messages: [message] } });
const pull = { subscription, requestBody: { maxMessages: 1 } };
const { receivedMessages: [first] = [{}] } = await call('subscriptions.pull', pull);
const ackIds = [first.ackId];
const extend = { ackIds, ackDeadlineSeconds: 60 };
await call('subscriptions.modifyAckDeadline', { subscription, requestBody: extend });
await call('subscriptions.acknowledge', { subscription, requestBody: { ackIds } });
await call('subscriptions.seek', { subscription, requestBody: { snapshot } });
await call('subscriptions.pull', pull);
await call('subscriptions.detach', { subscription: pushed });

for (const [resource, name] of Object.entries({
  topics: topic,
  subscriptions: subscription,
  snapshots: snapshot,
})) {
  await call(`${resource}.getIamPolicy`, { resource: name });
  await call(`${resource}.setIamPolicy`, { resource: name, requestBody: { policy: {} } });
  const asked = { permissions: ['pubsub.topics.get'] };
  await call(`${resource}.testIamPermissions`, { resource: name, requestBody: asked });
}
await call('snapshots.delete', { snapshot });
await call('subscriptions.delete', { subscription });
await call('topics.delete', { topic });
await call('topics.get', { topic });
