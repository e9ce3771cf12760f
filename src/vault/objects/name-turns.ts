/** One task at a time for each name, in the order in which they came. */
export class NameTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<Answer>(name: string, task: () => Promise<Answer>): Promise<Answer> {
    const before = this.#last.get(name);
    const turn = (async (): Promise<Answer> => {
      await before?.catch(() => undefined);
      return await task();
    })();
    this.#last.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(name) === turn) this.#last.delete(name);
    }
  }
}
