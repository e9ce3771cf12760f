import { draw, type Entropy } from '../../runtime/index.ts';
import { revisionNameOf, type RevisionName } from '../services/service.ts';
import type { FrontTarget } from './service-front.ts';

/** Between a tag and what stands before `.localhost` without it. */
const tagMark = '---';

/** Who answers which Host. */
export class RoutingTable {
  readonly #entropy: Entropy;
  #targets: ReadonlyMap<string, FrontTarget> = new Map();
  #routed: ReadonlyMap<string, RevisionName> = new Map();

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  /** Replaces all that was known. */
  update(targets: readonly FrontTarget[]): void {
    this.#targets = new Map(targets.map((target) => [target.hostPrefix.toLowerCase(), target]));
    const routed = targets.flatMap((target) =>
      target.traffic
        .filter(({ percent, tag }) => percent > 0 || tag !== undefined)
        .map(({ revisionId }) => nameOf(target, revisionId)),
    );
    this.#routed = new Map(routed.map((name) => [revisionNameOf(name), name]));
  }

  /** Revisions that requests can reach, by share or by tag; keyed by full name. */
  get routed(): ReadonlyMap<string, RevisionName> {
    return this.#routed;
  }

  /** Whose turn it is under `hello` or `tag---hello`; undefined: there is nothing there. */
  choose(hostPrefix: string): RevisionName | undefined {
    const target = this.#targets.get(hostPrefix);
    if (target !== undefined) return this.#chooseByShare(target);
    const at = hostPrefix.indexOf(tagMark);
    if (at < 0) return undefined;
    const tagged = this.#targets.get(hostPrefix.slice(at + tagMark.length));
    const tag = hostPrefix.slice(0, at);
    const found = tagged?.traffic.find((part) => part.tag === tag);
    return tagged && found && nameOf(tagged, found.revisionId);
  }

  #chooseByShare(target: FrontTarget): RevisionName | undefined {
    const shares = target.traffic.filter(({ percent }) => percent > 0);
    const total = shares.reduce((sum, { percent }) => sum + percent, 0);
    let left = shares.length > 1 ? this.#fraction() * total : 0;
    for (const { revisionId, percent } of shares) {
      left -= percent;
      if (left < 0) return nameOf(target, revisionId);
    }
    return undefined;
  }

  /** 0 .. 1, exclusive. */
  #fraction(): number {
    const bytes = draw(this.#entropy, 4);
    return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
  }
}

function nameOf({ project, location, serviceId }: FrontTarget, revisionId: string): RevisionName {
  return { project, location, serviceId, revisionId };
}
