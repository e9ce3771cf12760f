import { expect, test } from 'vitest';
import { createOf, listOf } from './missing-resource.ts';

const ring = 'projects/p/locations/global/keyRings/cafe';
const broker = 'Resource not found (resource=a).';

test.each([
  [broker, 'projects/p/topics/a', 'topics list'],
  [broker, 'projects/p/topics/a:publish', 'topics list'],
  [broker, 'projects/p/subscriptions/a:pull', 'subscriptions list'],
  [broker, 'projects/p/subscriptions/new', 'topics list'],
  [broker, 'projects/p/subscriptions/new:seek', 'snapshots list'],
  [broker, 'projects/p/subscriptions/a:seek', 'subscriptions list'],
  [broker, 'projects/p/snapshots/a', 'snapshots list'],
  [broker, 'projects/p/snapshots/new', 'subscriptions list'],
  [`KeyRing ${ring} not found.`, `${ring}/cryptoKeys`, 'keys rings list'],
  [`CryptoKey ${ring}/cryptoKeys/k not found.`, '', 'keys list'],
  [
    `CryptoKey ${ring.replace('global', 'us')}/cryptoKeys/k not found.`,
    '',
    'keys list --location us',
  ],
  [
    `CryptoKeyVersion ${ring}/cryptoKeys/k/cryptoKeyVersions/9 not found.`,
    '',
    'keys versions list cafe/k',
  ],
  [runMissing('hello', 'SERVICE', 'us-central1'), '', 'run services list'],
  [runMissing('hello-00001-abc', 'REVISION', 'us-central1'), '', 'run revisions list hello'],
  [
    runMissing('a-b-00012-xyz', 'REVISION', 'europe-west3'),
    '',
    'run revisions list a-b --region europe-west3',
  ],
  [runMissing('hello-green', 'REVISION', 'us-central1'), '', 'run services list'],
  [
    'Project 7 not found.',
    'projects/7',
    'topics list, sealpost subscriptions list, sealpost keys list',
  ],
])('%s of %s is looked for with sealpost %s', (message, path, command) => {
  expect(listOf(message, path)).toBe(`sealpost ${command}`);
});

function runMissing(id: string, kind: string, region: string): string {
  return `Resource '${id}' of kind '${kind}' in region '${region}' in project 'p' does not exist.`;
}

const ours = 'projects/p/subscriptions/s';
const deadLetters = (topic: string): unknown => ({ deadLetterPolicy: { deadLetterTopic: topic } });

test.each([
  [broker, ours, deadLetters('projects/p/topics/a'), 'sealpost topics create a'],
  [broker, ours, deadLetters('projects/q/topics/a'), 'sealpost topics create projects/q/topics/a'],
  [broker, ours, { topic: 'projects/p/topics/a' }, 'sealpost topics create a'],
  [broker, ours, deadLetters('projects/p/topics/ab'), undefined],
  [broker, ours, undefined, undefined],
  [broker, 'projects/p/topics/a', { name: 'projects/p/topics/a' }, undefined],
  ['Project 7 not found.', 'projects/7', { topic: 'projects/7/topics/a' }, undefined],
])('%s of %s with %j is made with %s', (message, path, body, command) => {
  expect(createOf(message, path, body)).toBe(command);
});
