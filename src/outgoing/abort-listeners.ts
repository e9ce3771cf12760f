/** Those that wait for one signal, and how to take our one listener off it again. */
interface Group {
  readonly listeners: Set<() => void>;
  readonly detach: () => void;
}

/**
 * Listens to abort signals that thousands of requests share: a signal keeps its listeners in a list
 * that each change walks, so there is one listener to a signal here.
 */
export class AbortListeners {
  readonly #groups: Map<AbortSignal, Group> = new Map();

  /** Calls `listener` once when `signal` aborts, which it has not yet; returns what takes it off. */
  add(signal: AbortSignal, listener: () => void): () => void {
    const group = this.#groups.get(signal) ?? this.#open(signal);
    group.listeners.add(listener);
    return () => {
      group.listeners.delete(listener);
      if (group.listeners.size > 0 || this.#groups.get(signal) !== group) return;
      this.#groups.delete(signal);
      group.detach();
    };
  }

  #open(signal: AbortSignal): Group {
    const listeners = new Set<() => void>();
    const abort = (): void => {
      this.#groups.delete(signal);
      for (const listener of listeners) listener();
    };
    signal.addEventListener('abort', abort, { once: true });
    const group = { listeners, detach: () => signal.removeEventListener('abort', abort) };
    this.#groups.set(signal, group);
    return group;
  }
}
