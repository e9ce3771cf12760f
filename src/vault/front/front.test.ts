import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { ask, FrontWorld, type FrontAnswerSeen } from '../../../test/support/front-world.ts';
import { SystemClock } from '../../runtime/index.ts';

let world: FrontWorld;
let port: number;
beforeEach(async () => {
  world = new FrontWorld(new SystemClock());
  port = await world.listen();
});
afterEach(() => world.close());

const get = (host: string, path = '/', headers = {}): Promise<FrontAnswerSeen> =>
  ask(port, host, { path, headers });

describe('a request to a service', () => {
  test('starts an instance and is answered by it', async () => {
    world.single('hello-00001-abc');
    const answer = await get('hello.localhost:8085', '/x?y=1');
    expect([answer.status, answer.text]).toEqual([200, 'hello']);
    expect(world.instances.starts).toBe(1);
    expect((await get('HELLO.localhost.')).text).toBe('hello');
    expect(world.instances.starts).toBe(1);
  });
});
