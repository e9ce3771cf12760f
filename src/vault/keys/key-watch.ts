import type { KeyService } from '../../kms/index.ts';
import type { Clock, Entropy, Logger } from '../../runtime/index.ts';
import type { MetaStore } from '../../storage/index.ts';
import type { VaultObserver } from '../observer.ts';
import type { KeyPlace, KeyState, KeyWatch } from './key-state.ts';
import { allRows, decodeKeyState, keyStatePrefix, keyStateRowKey } from './key-state-rows.ts';
import { WatchedKey, type WatchedKeyPorts } from './watched-key.ts';

export interface KeyWatchOptions {
  readonly keys: KeyService;
  /** Sealed rows: `openSealedMeta` under the store key. */
  readonly meta: MetaStore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Logger;
  readonly observer: Pick<VaultObserver, 'keyCall' | 'keyState'>;
  /** Between two good checks, give or take a tenth; 60,000. */
  readonly checkMs?: number;
  /**
   * Full names of the versions that wrap a place's DEKs (LayerKeys.list): they are checked too, so
   * that the end of an older one is seen before the next start needs it.
   */
  readonly versionsOf?: (place: KeyPlace) => Promise<readonly string[]>;
}

type Listener = (place: KeyPlace, state: KeyState) => void;

const checkMsDefault = 60_000;
/** Places that nobody watches are remembered up to here. */
const unwatchedMax = 256;

/** Opens the watch; what was known before is known at once, and counts for nothing until checked. */
export async function openKeyWatch(
  options: KeyWatchOptions,
): Promise<KeyWatch & { close(): Promise<void> }> {
  const places = new WatchedPlaces(options);
  for (const row of await allRows(options.meta, keyStatePrefix)) places.load(row);
  return places;
}

class WatchedPlaces implements KeyWatch {
  readonly #ports: WatchedKeyPorts;
  readonly #log: Logger;
  readonly #places = new Map<string, WatchedKey>();
  readonly #listeners = new Set<{ readonly listener: Listener }>();
  readonly #stopListening: () => void;

  constructor(options: KeyWatchOptions) {
    const tell = (place: KeyPlace, state: KeyState): void => this.#tell(place, state);
    this.#ports = { ...options, checkMs: options.checkMs ?? checkMsDefault, tell };
    this.#log = options.log;
    this.#stopListening = options.keys.onChange(({ resource }) => this.#changed(resource));
  }

  load(row: { readonly key: string; readonly value: Uint8Array }): void {
    const stored = decodeKeyState(row);
    if (stored === null) this.#log.error({ row: row.key }, 'a stored state of a key is none');
    else this.#places.set(row.key, new WatchedKey(stored.place, stored, this.#ports));
  }

  state(place: KeyPlace): Promise<KeyState> {
    return this.#of(place).state();
  }

  known(place: KeyPlace): KeyState | undefined {
    return this.#places.get(keyStateRowKey(place))?.known ?? undefined;
  }

  check(place: KeyPlace): Promise<KeyState> {
    return this.#of(place).check();
  }

  report(place: KeyPlace, outcome: unknown): void {
    this.#of(place).report(outcome);
  }

  watch(place: KeyPlace): void {
    this.#of(place).watch();
  }

  unwatch(place: KeyPlace): void {
    this.#places.get(keyStateRowKey(place))?.unwatch();
  }

  onChange(listener: Listener): () => void {
    const entry = { listener };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  states(): readonly { readonly place: KeyPlace; readonly state: KeyState }[] {
    return [...this.#places.values()].flatMap(({ place, known: state, isWatched }) =>
      isWatched && state !== null ? [{ place, state }] : [],
    );
  }

  /** Checks no more; what was found so far is stored. */
  async close(): Promise<void> {
    this.#stopListening();
    for (const watched of this.#places.values()) await watched.close();
  }

  #of(place: KeyPlace): WatchedKey {
    const key = keyStateRowKey(place);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const made = new WatchedKey(place, null, this.#ports);
    this.#places.set(key, made);
    this.#forgetUnwatched();
    return made;
  }

  #forgetUnwatched(): void {
    const unwatched = [...this.#places].filter(([, { isWatched }]) => !isWatched);
    for (const [key] of unwatched.slice(0, -unwatchedMax)) this.#places.delete(key);
  }

  #changed(resource: string): void {
    for (const watched of this.#places.values()) {
      if (touches(resource, watched.place.key)) watched.changed();
    }
  }

  #tell(place: KeyPlace, state: KeyState): void {
    for (const { listener } of this.#listeners) {
      try {
        listener(place, state);
      } catch (err) {
        this.#log.error({ err, place }, 'a listener of key states failed');
      }
    }
  }
}

/** Whether a change of a key, its ring, its project, or anything at all may concern a key. */
function touches(resource: string, key: string): boolean {
  return (
    resource === '' ||
    resource === key ||
    key.startsWith(`${resource}/`) ||
    resource.startsWith(`${key}/`)
  );
}
