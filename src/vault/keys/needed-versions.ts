import { type KeyCheckPorts, type ProbeOutcome, probeKey } from './key-check.ts';
import type { KeyPlace } from './key-state.ts';
import type { KeyVerdict } from './key-verdict.ts';

export interface NeededVersionsPorts extends KeyCheckPorts {
  /**
   * Full names of the versions that wrap DEKs of a place: each is checked beside the primary one.
   * Absent: a version is known to be needed once its use was refused.
   */
  readonly versionsOf?: (place: KeyPlace) => Promise<readonly string[]>;
}

/** What a check found of versions other than the primary, which `primary` names. */
export interface VersionOutcomes {
  readonly primary: string | undefined;
  /** Null: nobody could say which are needed; what was refused stays. */
  readonly needed: ReadonlySet<string> | null;
  readonly probed: ReadonlyMap<string, ProbeOutcome>;
}

/**
 * The versions of a key that are needed beside its primary one, and which of them are refused. That
 * ends when a probe of the version passes, or when it is needed no longer; where the key service
 * does not take a version's name, at the next change of the key or the next use that goes well.
 */
export class NeededVersions {
  readonly #place: KeyPlace;
  readonly #ports: NeededVersionsPorts;
  readonly #refused: Map<string, KeyVerdict>;
  readonly #mute: Set<string> = new Set();

  constructor(
    place: KeyPlace,
    refused: readonly (readonly [string, KeyVerdict])[],
    ports: NeededVersionsPorts,
  ) {
    this.#place = place;
    this.#ports = ports;
    this.#refused = new Map(refused);
  }

  get refused(): ReadonlyMap<string, KeyVerdict> {
    return this.#refused;
  }

  /** A real use was refused; false if that is not about one version. */
  refuse(verdict: KeyVerdict): boolean {
    if (verdict.version === undefined || verdict.condition !== 'REVOKED') return false;
    this.#refused.set(verdict.version, verdict);
    return true;
  }

  forgetMute(): void {
    for (const version of this.#mute) this.#refused.delete(version);
    this.#mute.clear();
  }

  async look(primary: string | undefined): Promise<VersionOutcomes> {
    const needed = await this.#needed();
    const names = needed ?? new Set(this.#refused.keys());
    const probed = new Map<string, ProbeOutcome>();
    for (const name of names) {
      if (name === primary) continue;
      probed.set(name, await probeKey(this.#ports, this.#place, name));
    }
    return { primary, needed, probed };
  }

  /** What a look found; null if there was none. */
  take(outcomes: VersionOutcomes | null): void {
    if (outcomes === null) return;
    const { primary, needed, probed } = outcomes;
    for (const version of this.#refused.keys()) {
      const isNeeded = needed === null || needed.has(version);
      if (version === primary || !isNeeded) this.#refused.delete(version);
    }
    for (const [version, outcome] of probed) this.#takeOne(version, outcome);
  }

  #takeOne(version: string, { verdict, isMute }: ProbeOutcome): void {
    if (verdict === null) this.#refused.delete(version);
    else if (isMute) {
      if (this.#refused.has(version)) this.#mute.add(version);
    } else if (verdict.condition === 'REVOKED' || !this.#isRevoked(version)) {
      this.#refused.set(version, verdict);
    }
  }

  #isRevoked(version: string): boolean {
    return this.#refused.get(version)?.condition === 'REVOKED';
  }

  async #needed(): Promise<ReadonlySet<string> | null> {
    const { versionsOf } = this.#ports;
    try {
      return versionsOf === undefined ? null : new Set(await versionsOf(this.#place));
    } catch {
      return null;
    }
  }
}
