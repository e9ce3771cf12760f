import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SealpostProcess, temporaryFolder } from '../support/server-process.ts';

async function call(
  url: string,
  method: string,
  path: string,
  body: object = {},
): Promise<unknown> {
  const reply = await fetch(`${url}/v1/${path}`, { method, body: JSON.stringify(body) });
  return reply.json();
}

test('a scrape shows what publishers and subscribers did, and what is left', async () => {
  const folder = temporaryFolder();
  const argv = ['serve', '--port', '0', '--data-dir', join(folder.path, 'data')];
  const server = new SealpostProcess(argv);
  try {
    const url = await server.url();
    const topic = 'projects/p/topics/orders';
    const subscription = 'projects/p/subscriptions/billing';
    await call(url, 'PUT', topic);
    await call(url, 'PUT', subscription, { topic });
    const messages = [{ data: 'YQ==' }, { data: 'Yg==' }, { data: 'Yw==' }];
    await call(url, 'POST', `${topic}:publish`, { messages });
    await call(url, 'POST', 'projects/p/topics/none:publish', { messages });
    const pulled = (await call(url, 'POST', `${subscription}:pull`, { maxMessages: 1 })) as {
      receivedMessages: { ackId: string }[];
    };
    const ackIds = pulled.receivedMessages.map(({ ackId }) => ackId);
    expect(ackIds).toHaveLength(1);
    await call(url, 'POST', `${subscription}:acknowledge`, { ackIds });
    const page = await fetch(`${url}/metrics`);
    expect(page.headers.get('content-type')).toContain('text/plain');
    const lines = (await page.text()).split('\n');
    const ofTopic = 'project_id="p",topic_id="orders"';
    const ofSubscription = 'project_id="p",subscription_id="billing"';
    const success = 'response_class="success",response_code="success"';
    for (const line of [
      `pubsub_topic_send_request_count{${ofTopic},${success}} 1`,
      'pubsub_topic_send_request_count{project_id="_other",topic_id="_other",response_class="invalid",response_code="not_found"} 1',
      `pubsub_topic_message_sizes_count{${ofTopic}} 3`,
      `pubsub_topic_send_message_operation_count{${ofTopic},response_code="success"} 3`,
      `pubsub_subscription_pull_request_count{${ofSubscription},${success}} 1`,
      `pubsub_subscription_sent_message_count{${ofSubscription},delivery_type="pull"} 1`,
      `pubsub_subscription_ack_message_count{${ofSubscription},delivery_type="pull"} 1`,
      `pubsub_subscription_num_undelivered_messages{${ofSubscription}} 2`,
      `pubsub_subscription_num_unacked_messages{${ofSubscription}} 2`,
      `sealpost_rpc_requests_total{rpc="google.pubsub.v1.Publisher.Publish",${success}} 1`,
      `sealpost_dek_kms_requests_total{operation="encrypt",${success}} 1`,
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.some((line) => /^sealpost_commit_seconds_count [1-9]/.test(line))).toBe(true);
    expect(lines.some((line) => /^sealpost_store_disk_bytes [1-9]/.test(line))).toBe(true);
  } finally {
    await server.stop();
    folder.remove();
  }
});
