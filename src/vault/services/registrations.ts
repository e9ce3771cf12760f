import type { KeyPlace, KeyWatch } from '../keys/key-state.ts';
import type { Revocations } from '../keys/revocations.ts';
import { type Revision, type RevisionName, revisionNameOf } from './service.ts';

/** Whose permission counts for a revision, and for which key; null: the server's own key. */
export function placeOf(revision: Revision): KeyPlace | null {
  const key = revision.settings.encryption?.key;
  return key === undefined ? null : { project: revision.name.project, key };
}

/**
 * The revisions whose keys are watched and whose instances a revocation may end: those that are
 * being deployed, and those that were. Failed ones are not: a lost key is not asked about for ever.
 */
export class Registrations {
  readonly #watch: Pick<KeyWatch, 'watch' | 'unwatch'>;
  readonly #revocations: Pick<Revocations, 'add' | 'remove'>;
  readonly #places = new Map<string, KeyPlace>();

  constructor(
    watch: Pick<KeyWatch, 'watch' | 'unwatch'>,
    revocations: Pick<Revocations, 'add' | 'remove'>,
  ) {
    this.#watch = watch;
    this.#revocations = revocations;
  }

  placeOf(name: RevisionName): KeyPlace | null {
    return this.#places.get(revisionNameOf(name)) ?? null;
  }

  /** Does nothing the second time. */
  async add(revision: Revision): Promise<void> {
    const place = placeOf(revision);
    const name = revisionNameOf(revision.name);
    if (place === null || this.#places.has(name)) return;
    this.#places.set(name, place);
    this.#watch.watch(place);
    await this.#revocations.add(revision);
  }

  /** Whether or not it was added in this process: what a crash left is forgotten too. */
  async remove(name: RevisionName): Promise<void> {
    await this.#revocations.remove(name);
    const place = this.#places.get(revisionNameOf(name));
    if (place === undefined) return;
    this.#places.delete(revisionNameOf(name));
    this.#watch.unwatch(place);
  }
}
