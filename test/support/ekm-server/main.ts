import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import { makeTestCertificates } from '../test-certificates.ts';
import { parseBehaviour } from './ekm-behaviour.ts';
import { EkmServer } from './ekm-server.ts';

/**
 * An external key manager for rehearsals: prints the URIs of its keys and every call, and takes its
 * behaviour line by line: `deny`, `status 429`, `slow 2000`, `cache 60s`, `honest`, …
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8443' },
    /** The Sealpost server whose tokens are taken; without it, everybody's. */
    issuer: { type: 'string' },
    key: { type: 'string', multiple: true, default: ['v0/rehearsal'] },
  },
});

const { issuer } = values;
const certificates = makeTestCertificates();
const server = new EkmServer({
  certificates,
  port: Number(values.port),
  ...(issuer !== undefined && { issuer: () => issuer }),
  onCall: (record) => console.log(JSON.stringify(record)),
});
await server.start();
console.log(`serve with: --ekm-host 127.0.0.1 --ekm-ca ${certificates.caFile}`);
for (const path of values.key) console.log(`external key URI: ${server.createKey(path)}`);

for await (const line of createInterface({ input: process.stdin })) {
  const [, cache] = /^\s*cache\s+(\S+)\s*$/.exec(line) ?? [];
  const behaviour = parseBehaviour(line);
  if (cache !== undefined) server.cacheDuration = cache === 'none' ? undefined : cache;
  else if (behaviour !== null) server.behaviour = behaviour;
  else console.log(`What is "${line}"? honest, deny, status N, slow MS, cache DURATION, …`);
}
