import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { startFixture, type ApiFixture, type FixtureOptions } from '../support/api-fixture.ts';
import { TableAccess } from '../support/table-access.ts';
import { hasOpenssl } from '../support/test-certificates.ts';
import { TlsAuthority, type IssuedCertificate } from '../support/tls-authority.ts';

const topic = 'projects/p-one/topics/orders';
const body = JSON.stringify({ messages: [{ data: 'eA==' }] });

let authority: TlsAuthority;
let own: IssuedCertificate;
let alice: IssuedCertificate;
let fixture: ApiFixture | undefined;
let access: TableAccess;

beforeAll(() => {
  if (!hasOpenssl) return;
  authority = new TlsAuthority();
  own = authority.server();
  alice = authority.issue('/CN=alice', 'DNS:alice.example.com');
});

afterAll(() => authority?.remove());

afterEach(async () => {
  await fixture?.api.drain(0);
  fixture = undefined;
});

type Clients = Partial<NonNullable<FixtureOptions['tls']>>;

async function serve(clients: Clients = {}): Promise<ApiFixture> {
  access = new TableAccess();
  access.members.set(new X509Certificate(alice.cert).raw.toString('hex'), 'user:alice');
  access.members.set('bob', 'user:bob');
  access.grant('user:alice', 'pubsub.topics.publish', topic);
  const files = { cert: own.certFile, key: own.keyFile, clientCa: authority.caFile };
  const tls = { ...files, clientCrl: null, clientAuth: 'optional', ...clients } as const;
  fixture = await startFixture({ access, tls });
  return fixture;
}

/** The status of a publish; `broken` where the connection is refused. */
async function publish(
  client?: IssuedCertificate,
  headers: Record<string, string> = {},
): Promise<number | 'broken'> {
  const asked = request({
    port: fixture!.api.port,
    host: '127.0.0.1',
    path: `/v1/${topic}:publish`,
    method: 'POST',
    headers,
    ca: authority.ca,
    cert: client?.cert,
    key: client?.key,
    agent: false,
  });
  asked.end(body);
  try {
    const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    return response.statusCode;
  } catch {
    return 'broken';
  }
}

describe.skipIf(!hasOpenssl)('client certificates', () => {
  test('say who calls, where no token does', async () => {
    await serve();
    expect(await publish(alice)).toBe(200);
    expect(await publish()).toBe(401);
    expect(await publish(alice, { authorization: 'Bearer bob' })).toBe(403);
    expect(await publish(alice, { authorization: 'Bearer nobody' })).toBe(401);
  });

  test('of an authority that is not ours end the connection, though none need be shown', async () => {
    await serve();
    const other = new TlsAuthority();
    expect(await publish(other.issue('/CN=alice', 'DNS:alice.example.com'))).toBe('broken');
    other.remove();
  });

  test('may be asked of every connection', async () => {
    await serve({ clientAuth: 'required' });
    expect(await publish(alice)).toBe(200);
    expect(await publish()).toBe('broken');
  });

  test('that are revoked are refused, also on connections that are open', async () => {
    const revoked = authority.issue('/CN=carol', 'DNS:carol.example.com');
    const live = authority.at('live-crl.pem');
    copyFileSync(authority.crl(), live);
    const { api } = await serve({ clientCrl: live });
    access.members.set(new X509Certificate(revoked.cert).raw.toString('hex'), 'user:alice');
    expect(await publish(revoked)).toBe(200);
    const open = request({
      port: api.port,
      host: '127.0.0.1',
      path: '/',
      ca: authority.ca,
      cert: revoked.cert,
      key: revoked.key,
      headers: { connection: 'keep-alive' },
    });
    open.end();
    const [response] = (await once(open, 'response')) as [{ resume(): void }];
    response.resume();
    const { socket } = open;
    copyFileSync(authority.crl(revoked), live);
    api.reloadTls();
    if (!socket!.destroyed) await once(socket!, 'close');
    expect(await publish(revoked)).toBe('broken');
    expect(await publish(alice)).toBe(200);
  });

  test('that are revoked in the middle of their handshake are refused', async () => {
    const revoked = authority.issue('/CN=dave', 'DNS:dave.example.com');
    const live = authority.at('overtaking-crl.pem');
    copyFileSync(authority.crl(), live);
    const { api } = await serve({ clientCrl: live });
    const carrier = connectPlain(api.port, '127.0.0.1');
    // After its first flight the client is held.
    const held: Buffer[] = [];
    let flights = 0;
    let isHeld = true;
    const line = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        if (flights++ === 0 || !isHeld) carrier.write(chunk);
        else held.push(chunk);
        this.emit('flight');
        done();
      },
    });
    carrier.on('data', (chunk) => line.push(chunk)).on('close', () => line.destroy());
    carrier.on('error', () => undefined);
    const { cert, key } = revoked;
    const client = connect({ socket: line, ca: authority.ca, cert, key, servername: 'localhost' });
    client.on('error', () => undefined);
    while (held.length === 0) await once(line, 'flight');
    copyFileSync(authority.crl(revoked), live);
    api.reloadTls();
    isHeld = false;
    carrier.write(Buffer.concat(held));
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const end = await Promise.race([
      once(client, 'data').then(() => 'served'),
      once(carrier, 'close').then(() => 'closed'),
    ]);
    client.destroy();
    carrier.destroy();
    expect(end).toBe('closed');
  });

  test('are shown anew on each connection: none is remembered by a ticket', async () => {
    const { api } = await serve();
    const options = { port: api.port, host: '127.0.0.1', ca: authority.ca };
    const shown = { ...options, cert: alice.cert, key: alice.key };
    const head = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const first = connect(shown);
    const sessions: Buffer[] = [];
    first.on('session', (session: Buffer) => sessions.push(session));
    first.write(head);
    await once(first, 'data');
    first.destroy();
    for (const session of sessions) {
      const second = connect({ ...shown, session });
      second.write(head);
      await once(second, 'data');
      expect(second.isSessionReused()).toBe(false);
      second.destroy();
    }
  });
});
