import { expect, test } from 'vitest';

import { textOf } from './sources.ts';

const pinned: readonly [client: string, file: string, version: RegExp][] = [
  ['`@google-cloud/pubsub`', 'package.json', /"@google-cloud\/pubsub": "([\d.]+)"/],
  ['`googleapis`', 'test/clients/googleapis/package.json', /"googleapis": "([\d.]+)"/],
  ['pubsub/v2`', 'test/clients/go/go.mod', /cloud\.google\.com\/go\/pubsub\/v2 v([\d.]+)/],
  ['google-cloud-pubsub`', 'test/clients/java/pom.xml', /pubsub<\/artifactId>\s+<version>([\d.]+)/],
  [
    '`google-cloud-pubsub`',
    'test/clients/python/requirements.txt',
    /^google-cloud-pubsub==([\d.]+)/,
  ],
];

test.each(pinned)(
  'docs/clients.md names the version of %s that is tested',
  (client, file, version) => {
    const [, tested = 'none'] = version.exec(textOf(file)) ?? [];
    const row = textOf('docs/clients.md')
      .split('\n')
      .find((line) => line.split('|')[1]?.includes(client));
    expect(row?.split('|')[2]?.trim()).toBe(tested);
  },
);
