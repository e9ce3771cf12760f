import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { openMemoryStore } from './index.ts';
import { storeCases, type Opened } from './store.case.ts';

storeCases('memory', async (): Promise<Opened> => {
  const commits: number[] = [];
  const store = openMemoryStore({
    clock: new VirtualClock(),
    onCommit: (calls) => commits.push(calls),
  });
  return { store, commits, reopen: null, close: () => store.close() };
});
