import type { Action } from '../command/command-spec.ts';
import { entryFilter } from './entry-filter.ts';
import { entryCells, entryColumns } from './entry-row.ts';
import { printEntries } from './log-entries.ts';

export const listEntries: Action = async ({ flags }, tools) => {
  const query = {
    filter: entryFilter(flags, tools.names, tools.clock.wallMs()),
    limit: flags.number('limit'),
    isFollowing: flags.isSet('follow'),
  };
  const view = { columns: entryColumns, cells: entryCells, empty: 'There are no such entries.' };
  await printEntries(tools, query, view);
};
