import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { liveApi } from '../support/live-api.ts';
import { useLiveServer } from '../support/live-server.ts';

const program = 'python3';
const hasPython = spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
const live = useLiveServer();
const api = liveApi(live, 'REST');
const script = join(import.meta.dirname, '..', 'clients', 'websocket.py');

const name = hasPython
  ? 'a client of 100 lines in Python, written from the page alone, does all that the protocol has'
  : 'a client in Python speaks WebSocket (skipped: python3 is not installed)';

test.skipIf(!hasPython)(name, async () => {
  const topic = await api.topic();
  const subscription = await api.subscription(topic, { ackDeadlineSeconds: 600 });
  const [host, port] = live.address.split(':');
  const { stdout } = await promisify(execFile)(program, [
    script,
    host!,
    port!,
    topic,
    subscription,
  ]);
  expect(stdout.trim().split('\n')).toEqual([
    'welcome, resumed: False',
    'published: 3',
    `subscribed: ${subscription}`,
    'received: 1 1 70000',
    "settled: {'results': ['DONE', 'DONE', 'DONE']}",
    'error: The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.',
    'pong: {}',
    'protocol pong: there?',
    'closed: 1000',
  ]);
  expect(await api.pullOnce(subscription)).toEqual([]);
  expect(readFileSync(script, 'utf8').trim().split('\n').length).toBeLessThanOrEqual(100);
});
