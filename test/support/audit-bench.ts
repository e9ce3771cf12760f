import {
  type AuditEntry,
  type AuditFinding,
  type AuditLog,
  openAuditLog,
} from '../../src/audit/index.ts';
import type { AnchorStore, AuditLogOptions } from '../../src/audit/index.ts';
import { type AeadKey, suiteIds } from '../../src/crypto/index.ts';
import { silentLogger } from '../../src/runtime/index.ts';
import { MemoryStore, openMemoryStore, type Segment } from '../../src/storage/index.ts';
import { suitesPreferring } from '../vectors/golden-file.ts';
import { SeededEntropy } from './seeded-entropy.ts';
import { VirtualClock } from './virtual-clock.ts';

/** The anchor of an audit log in memory; a test may put it back to an earlier one. */
export class MemoryAnchor implements AnchorStore {
  blob: Uint8Array | null = null;
  saves = 0;
  isBroken = false;

  async load(): Promise<Uint8Array | null> {
    return this.blob;
  }

  async save(blob: Uint8Array): Promise<void> {
    if (this.isBroken) throw new Error('the anchor cannot be written');
    this.blob = blob;
    this.saves++;
  }
}

/** Chosen once: it measures. */
const suites = suitesPreferring(suiteIds.xchacha20Poly1305);

/** An audit log over memory, which can be closed, tampered with and opened again. */
export class AuditBench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly anchor: MemoryAnchor = new MemoryAnchor();
  readonly key: AeadKey;
  store: MemoryStore = openMemoryStore({ clock: this.clock });
  log!: AuditLog;
  readonly #entropy = new SeededEntropy(7);
  readonly #options: Partial<AuditLogOptions>;

  private constructor(options: Partial<AuditLogOptions>) {
    this.#options = options;
    this.key = suites.preferred.importKey(new Uint8Array(32).fill(9));
  }

  static async open(options: Partial<AuditLogOptions> = {}): Promise<AuditBench> {
    const bench = new AuditBench(options);
    await bench.reopen();
    return bench;
  }

  async reopen(): Promise<void> {
    const { store, anchor, key, clock } = this;
    const ports = { store, anchor, key, clock, entropy: this.#entropy, log: silentLogger };
    this.log = await openAuditLog({ ...ports, ...this.#options });
  }

  /** Everything stored of a log. */
  async segments(log: number): Promise<Segment[]> {
    const [tail] = await this.store.tails([log]);
    return await this.store.read(log, tail!.trim, Number.MAX_SAFE_INTEGER);
  }

  /** Closes the log and replaces what its store holds. */
  async replace(change: (segments: Segment[]) => readonly Segment[]): Promise<void> {
    const changed: Segment[] = [];
    for (const log of [1, 2]) changed.push(...change(await this.segments(log)));
    await this.log.close();
    this.store = openMemoryStore({ clock: this.clock });
    for (const { base: at, ...segment } of changed) await this.store.commit([{ ...segment, at }]);
  }

  async findings(): Promise<AuditFinding[]> {
    return (await this.verified()).findings;
  }

  async verified(): Promise<{ findings: AuditFinding[]; passed: number; expected: number }> {
    const result = { findings: [] as AuditFinding[], passed: 0, expected: 0 };
    const check = {
      expect: (count: number) => void (result.expected += count),
      passed: (count: number) => void (result.passed += count),
      found: (finding: AuditFinding) => void result.findings.push(finding),
    };
    await this.log.verify(check, new AbortController().signal);
    return result;
  }
}

/** An entry of the activity log, or whatever is given instead. */
export function auditEntry(change: Partial<AuditEntry> = {}): AuditEntry {
  return {
    kind: 'activity',
    project: 'p',
    serviceName: 'cloudkms.googleapis.com',
    methodName: 'CreateCryptoKey',
    resourceName: 'projects/p/locations/global/keyRings/r/cryptoKeys/k',
    resource: { type: 'cloudkms_cryptokey', labels: { project_id: 'p', crypto_key_id: 'k' } },
    caller: { principalEmail: 'anonymous', callerIp: '127.0.0.1' },
    authorization: [],
    ...change,
  };
}
