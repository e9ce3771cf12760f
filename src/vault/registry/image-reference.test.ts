import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { openSources } from '../../../test/support/registry-bench.ts';
import { RpcError } from '../../rpc/index.ts';
import { parseImageReference } from './image-reference.ts';

const sha256 = `sha256:${'a1'.repeat(32)}`;
const sha512 = `sha512:${'0f'.repeat(64)}`;

test.each([
  [
    'us-docker.pkg.dev/cloudrun/container/hello',
    'us-docker.pkg.dev/cloudrun/container/hello:latest',
  ],
  ['gcr.io/p/i:v1.2_3-x', 'gcr.io/p/i:v1.2_3-x'],
  [`gcr.io/p/i@${sha256}`, `gcr.io/p/i@${sha256}`],
  [`gcr.io/p/i:t@${sha512}`, `gcr.io/p/i:t@${sha512}`],
  ['127.0.0.1:5055/demo/hello:v1', '127.0.0.1:5055/demo/hello:v1'],
  ['localhost/a', 'localhost/a:latest'],
  ['[::1]:5000/a/b', '[::1]:5000/a/b:latest'],
  ['GCR.io/p/i', 'gcr.io/p/i:latest'],
  ['gcr.io:443/p/i', 'gcr.io/p/i:latest'],
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.27', 'docker.io/library/nginx:1.27'],
  ['grafana/grafana', 'docker.io/grafana/grafana:latest'],
  ['docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['index.docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['host:5000', 'docker.io/library/host:5000'],
  ['a.b/c__d/e--f.g', 'a.b/c__d/e--f.g:latest'],
])('%s is %s', (text, whole) => {
  expect(parseImageReference(text)?.text).toBe(whole);
});

test.each([
  '',
  '/',
  'a//b',
  'a/',
  '/a',
  'UPPER',
  'gcr.io/Upper/case',
  'gcr.io/p/i:',
  'gcr.io/p/i:.dot',
  `gcr.io/p/i:${'t'.repeat(129)}`,
  'gcr.io/p/i@sha256:abc',
  `gcr.io/p/i@${sha256.toUpperCase()}`,
  `gcr.io/p/i@md5:${'a'.repeat(32)}`,
  `gcr.io/p/i@${sha256}@${sha256}`,
  'gcr.io/../etc/passwd',
  'gcr.io/a..b',
  'gcr.io/a b',
  'gcr.io/a?x=1',
  'gcr.io/a#x',
  'gcr.io/a%2fb',
  'user@gcr.io/a',
  'https://gcr.io/a',
  'gcr.io\\evil.example/a',
  '-gcr.io/a',
  'gcr.io:/a',
  'gcr.io:123456/a',
  `gcr.io/${'a'.repeat(256)}`,
  'gcr.io/a\n',
  'gcr.io/é',
])('%j is no reference', (text) => {
  expect(parseImageReference(text)).toBeNull();
});

test('what is recorded means the same when it is read again', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/);
  const host = fc.constantFrom('gcr.io/', 'docker.io/', '127.0.0.1:5055/', '');
  const tag = fc.constantFrom('', ':latest', ':v1', `@${sha256}`, `:v1@${sha512}`);
  const path = fc.array(part, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(host, path, tag, (first, parts, last) => {
      const read = parseImageReference(`${first}${parts.join('/')}${last}`);
      expect(read).not.toBeNull();
      expect(parseImageReference(read!.text)).toEqual(read);
    }),
  );
});

describe('a reference that may not be deployed', () => {
  const textOf = (reference: string, hosts: string[] = [], allowsLocal = false): string => {
    try {
      openSources(hosts, { allowsLocal }).sources.open(reference);
    } catch (error) {
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'IMAGE_REFERENCE_INVALID' });
      return (error as RpcError).message;
    }
    throw new Error('it was taken');
  };

  test("is refused in Cloud Run's words, with the registries that may", () => {
    expect(textOf('ghcr.io/a/b:c', ['gcr.io', 'us-docker.pkg.dev', 'docker.io'])).toBe(
      'Expected an image path like [host/]repo-path[:tag and/or @digest], where host is one of ' +
        'gcr.io, us-docker.pkg.dev or docker.io but obtained ghcr.io/a/b:c. A path without a host ' +
        'is on docker.io. To deploy container images from other registries, name them with ' +
        '--registry-host.',
    );
  });

  test.each(['nginx', 'a//b', 'gcr.io.evil.example/a', 'gcr.io:5000/a'])('%s', (reference) => {
    expect(textOf(reference, ['gcr.io'])).toContain(`one of gcr.io but obtained ${reference}.`);
  });

  test('on docker.io is one if docker.io may be called', () => {
    const { sources } = openSources(['docker.io']);
    expect(sources.open('nginx').reference).toBe('docker.io/library/nginx:latest');
  });

  test('names a file of this machine, which operators have to allow', () => {
    expect(textOf('oci:/srv/images:v1')).toContain('--local-images');
    expect(textOf('docker-archive:/srv/a.tar', [], true)).toContain(
      'docker-archive: is not supported',
    );
    expect(textOf('oci:relative', [], true)).toContain('Expected an image path');
  });
});
