import { describe, expect, test } from 'vitest';
import { RpcError } from '../../rpc/index.ts';
import { Places } from '../document/problem.ts';
import type { DeclaredKeyFile } from '../document/declared-resources.ts';
import type { FileAccess } from '../file-access.ts';
import type { ResourceApi } from '../resource-api.ts';
import { keyFileStep } from './key-file-plan.ts';

const email = 'waiter@shop.iam.gserviceaccount.com';
const account = `projects/shop/serviceAccounts/${email}`;
const path = ['projects', 'shop', 'accounts', 'waiter', 'keyFile'];
const declared: DeclaredKeyFile = { email, accountName: account, file: 'waiter.json', path };

/** A server with the keys of one account, and the files beside a document. */
class World {
  readonly keys: Set<string> = new Set();
  readonly files: Map<string, string> = new Map();
  isDiskFull = false;

  readonly api: ResourceApi = async ({ method, path }) => {
    if (method === 'POST') {
      const id = `key${this.keys.size + 1}`;
      this.keys.add(`${account}/keys/${id}`);
      const text = credentials(id);
      const privateKeyData = Buffer.from(text).toString('base64');
      return { name: `${account}/keys/${id}`, privateKeyData };
    }
    if (!this.keys.has(path)) throw new RpcError('NOT_FOUND', 'KEY_NOT_FOUND', 'No such key.');
    if (method === 'DELETE') this.keys.delete(path);
    return {};
  };

  readonly access: FileAccess = {
    read: (file) => {
      const text = this.files.get(file);
      return text === undefined ? null : new TextEncoder().encode(text);
    },
    writePrivate: (file, bytes) => {
      if (this.isDiskFull) throw new Error('no space left');
      this.files.set(file, new TextDecoder().decode(bytes));
    },
  };

  step(): ReturnType<typeof keyFileStep> {
    return keyFileStep(declared, { places: new Places() }, this.api, this.access);
  }

  async make(): Promise<void> {
    const step = await this.step();
    if (step === undefined || !('perform' in step)) throw new Error('there is nothing to do');
    await step.perform(this.api);
  }
}

const credentials = (id: string): string =>
  JSON.stringify({ client_email: email, private_key_id: id, private_key: 'secret' });

describe('a file of credentials', () => {
  test('is made where there is none, and then left alone', async () => {
    const world = new World();
    expect(await world.step()).toMatchObject({ action: 'create', name: 'waiter.json' });
    await world.make();
    expect(world.files.get('waiter.json')).toBe(credentials('key1'));
    expect(await world.step()).toBeUndefined();
  });

  test('of a key that the server does not know is made anew', async () => {
    const world = new World();
    world.files.set('waiter.json', credentials('of-another-server'));
    expect(await world.step()).toMatchObject({ action: 'update' });
    await world.make();
    expect(world.files.get('waiter.json')).toBe(credentials('key1'));
  });

  test.each([
    ['another account', credentials('key1').replace('waiter', 'cook')],
    ['no key', JSON.stringify({ client_email: email })],
    ['a path in place of a key', credentials('../../other')],
    ['something else', 'not JSON'],
    ['null', 'null'],
  ])('of %s is refused, and never overwritten', async (_, text) => {
    const world = new World();
    world.files.set('waiter.json', text);
    expect(await world.step()).toMatchObject({
      path: path.join('.'),
      message: `waiter.json is no credentials file of ${email}`,
    });
  });

  test('that cannot be written leaves no key behind', async () => {
    const world = new World();
    world.isDiskFull = true;
    await expect(world.make()).rejects.toThrow('no space left');
    expect(world.keys.size).toBe(0);
  });

  test('is nowhere in what is told of the step', async () => {
    const world = new World();
    expect(JSON.stringify(await world.step())).not.toContain('secret');
  });
});
