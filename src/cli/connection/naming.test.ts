import { describe, expect, test } from 'vitest';
import { ResourceNames, shortKey } from './resource-names.ts';
import { chooseProject, chooseServer } from './server-choice.ts';

describe('the server', () => {
  test.each([
    ['http://h:1', { SEALPOST_SERVER: 'http://s:2', PUBSUB_EMULATOR_HOST: 'e:3' }, 'http://h:1'],
    [undefined, { SEALPOST_SERVER: 'http://s:2', PUBSUB_EMULATOR_HOST: 'e:3' }, 'http://s:2'],
    [undefined, { SEALPOST_SERVER: '', PUBSUB_EMULATOR_HOST: 'e:3' }, 'http://e:3'],
    [undefined, { PUBSUB_EMULATOR_HOST: '[::1]:8085' }, 'http://[::1]:8085'],
    [undefined, {}, 'http://127.0.0.1:8085'],
    ['https://broker.example/', {}, 'https://broker.example'],
  ])('%s with %j is %s', (option, env, url) => {
    expect(chooseServer(option, env)).toBe(url);
  });

  test.each(['ftp://h', 'http://', 'http://h/path', 'http://h?x', ''])('%s is none', (text) => {
    expect(() => chooseServer(text, {})).toThrow('--server must be an address such as');
  });

  test('a password in the address is refused, and not repeated', () => {
    const refusal = (): string =>
      chooseServer(undefined, { SEALPOST_SERVER: 'http://me:secret@h' });
    expect(refusal).toThrow('SEALPOST_SERVER must be an address');
    expect(refusal).not.toThrow('secret');
  });
});

test('the project is that of the option, then of the variables', () => {
  const env = { SEALPOST_PROJECT: 'two', GOOGLE_CLOUD_PROJECT: 'three' };
  expect(chooseProject('one', env)).toBe('one');
  expect(chooseProject(undefined, env)).toBe('two');
  expect(chooseProject(undefined, { ...env, SEALPOST_PROJECT: '' })).toBe('three');
  expect(chooseProject(undefined, {})).toBeUndefined();
});

describe('names', () => {
  const names = new ResourceNames('tour');
  const ring = 'projects/tour/locations/global/keyRings/cafe';

  test('short ones are completed, full ones kept', () => {
    expect(names.topic('orders')).toBe('projects/tour/topics/orders');
    expect(names.topic('projects/x/topics/orders')).toBe('projects/x/topics/orders');
    expect(names.subscription('bar')).toBe('projects/tour/subscriptions/bar');
    expect(names.key('cafe/orders')).toBe(`${ring}/cryptoKeys/orders`);
    expect(names.key('us/cafe/orders')).toContain('/locations/us/keyRings/cafe/cryptoKeys/orders');
    expect(names.key(`${ring}/cryptoKeys/k`)).toBe(`${ring}/cryptoKeys/k`);
    expect(names.keyRing('cafe')).toBe(ring);
    expect(names.keyRing(ring)).toBe(ring);
  });

  test.each(['ab', '1abc', 'a b c', 'projects/p/subscriptions/sub', 'goog-x'])(
    '%s is no topic',
    (text) => expect(() => names.topic(text)).toThrow(`"${text}" is no topic`),
  );

  test.each(['orders', 'a/b/c/d', 'cafe/', 'ca fe/orders'])('%s is no key', (text) => {
    expect(() => names.key(text)).toThrow(`"${text}"`);
  });

  test('short names need a project, full ones do not', () => {
    const nowhere = new ResourceNames(undefined);
    expect(() => nowhere.topic('orders')).toThrow('No project is named.');
    expect(nowhere.topic('projects/x/topics/orders')).toBe('projects/x/topics/orders');
    expect(nowhere.projectOr('other')).toBe('other');
  });

  test('a key is shown as briefly as it can be written', () => {
    expect(shortKey(names.key('cafe/orders'))).toBe('cafe/orders');
    expect(shortKey(names.key('us/cafe/orders'))).toBe('us/cafe/orders');
  });
});
