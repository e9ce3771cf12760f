import { accountRowsPrefix, AccountRows, type AccountRowsOptions } from './account-rows.ts';

/** What a verification of everything that is stored asks of one part of it. */
export interface AccountsPart {
  readonly part: string;
  verify(
    sink: {
      expect(count: number): void;
      passed(count: number, bytes: number): void;
      damaged(where: string, problem: string): void;
    },
    signal: AbortSignal,
  ): Promise<void>;
}

/** The stored accounts as one part of what is stored: each row must open. */
export function accountsPart(options: AccountRowsOptions): AccountsPart {
  const rows = new AccountRows(options);
  return {
    part: 'accounts',
    async verify(sink, signal) {
      for await (const { key, stored } of rows.each()) {
        signal.throwIfAborted();
        sink.expect(1);
        const email = key.slice(accountRowsPrefix.length);
        if (stored === null) sink.damaged(`account ${email}`, 'it was changed, or moved here');
        else if (stored.account.email === email) sink.passed(1, 0);
        else sink.damaged(`account ${email}`, `it says that it is ${stored.account.email}`);
      }
    },
  };
}
