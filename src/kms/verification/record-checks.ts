import { wipe } from '../../crypto/index.ts';
import { fromBase64 } from '../base64.ts';
import { damagedRowError } from '../kms-error.ts';
import { versionNameOfRow } from '../keys/key-views.ts';
import { versionName } from '../names.ts';
import { keyAlgorithms } from '../providers/key-algorithms.ts';
import { versionPurpose } from '../providers/software-provider.ts';
import type { RootKey } from '../root/root-key.ts';
import {
  auditOutboxTable,
  compactionTable,
  type CryptoKeyRecord,
  cryptoKeyTable,
  doomedTable,
  keyRingTable,
  policyTable,
  projectNumberTable,
  projectTable,
  retiredNameTable,
  retiredTable,
  type Table,
  type VersionRecord,
  versionTable,
} from '../rows/records.ts';

/** What is wrong with a row that opens, and where. */
export interface RecordProblem {
  /** Key of the row. */
  readonly where: string;
  readonly problem: string;
}

/** How a check looks at other rows. */
export interface RecordReader {
  readonly rootKey: RootKey;
  has<T>(table: Table<T>, id: string): Promise<boolean>;
  /** Null if it is absent, or does not open, which is found in its own turn. */
  record<T>(table: Table<T>, id: string): Promise<T | null>;
  /** In byte order. */
  ids<T>(table: Table<T>, under: string): Promise<readonly string[]>;
  /** Whether a RetiredResource says that it was deleted. */
  isRetired(resource: string): Promise<boolean>;
}

/** Holds one row of the key service against the others. */
export interface RecordCheck {
  readonly table: Table<unknown>;
  problems(id: string, record: unknown, reader: RecordReader): Promise<readonly RecordProblem[]>;
}

type Check<T> = (id: string, record: T, reader: RecordReader) => Promise<readonly RecordProblem[]>;

function checkOf<T>(table: Table<T>, check: Check<T>): RecordCheck {
  return { table, problems: (id, record, reader) => check(id, record as T, reader) };
}

/** Rows that stand for themselves. */
const alone = async (): Promise<readonly RecordProblem[]> => [];

/** Every table of the key service. */
export const recordChecks: readonly RecordCheck[] = [
  checkOf(keyRingTable, alone),
  checkOf(cryptoKeyTable, keyProblems),
  checkOf(versionTable, versionProblems),
  checkOf(doomedTable, async (id, { name }) =>
    versionNameOfRow(id) === name ? [] : [problem(doomedTable, id, `it is of ${name}`)],
  ),
  checkOf(compactionTable, alone),
  checkOf(retiredTable, async (id, { originalResource, resourceType }, reader) => {
    const isKey = resourceType === 'cloudkms.googleapis.com/CryptoKey';
    if (!isKey || (await reader.has(retiredNameTable, originalResource))) return [];
    return [problem(retiredTable, id, `the name ${originalResource} is not kept from use`)];
  }),
  checkOf(retiredNameTable, async (id, { retiredResource }, reader) => {
    const isThere = await reader.has(retiredTable, retiredResource);
    return isThere ? [] : [problem(retiredNameTable, id, `${retiredResource} is missing`)];
  }),
  checkOf(auditOutboxTable, alone),
  checkOf(policyTable, alone),
  checkOf(projectTable, async (id, { projectNumber }, reader) => {
    const other = await reader.record(projectNumberTable, projectNumber);
    const fits = other === null || other.projectId === id;
    const isThere = await reader.has(projectNumberTable, projectNumber);
    return fits && isThere ? [] : [problem(projectTable, id, `${projectNumber} is not its number`)];
  }),
  checkOf(projectNumberTable, async (id, { projectId }, reader) => {
    const isThere = await reader.has(projectTable, projectId);
    return isThere ? [] : [problem(projectNumberTable, id, `project ${projectId} is missing`)];
  }),
];

/** Each version that was ever made is there, or its RetiredResource is. */
async function keyProblems(
  name: string,
  { versionCount, primary }: CryptoKeyRecord,
  reader: RecordReader,
): Promise<readonly RecordProblem[]> {
  const found: RecordProblem[] = [];
  const ring = name.slice(0, name.indexOf('/cryptoKeys/'));
  if (!(await reader.has(keyRingTable, ring))) {
    found.push(problem(cryptoKeyTable, name, 'its key ring is missing'));
  }
  const ids = await reader.ids(versionTable, `${name}/`);
  const numbers = new Set(ids.map((id) => Number(id.slice(name.length + 1))));
  for (let number = 1; number <= versionCount; number++) {
    const version = versionName(name, number);
    if (numbers.has(number) || (await reader.isRetired(version))) continue;
    found.push(problem(cryptoKeyTable, name, `${version} is missing, and was never deleted`));
  }
  if (primary !== null && !numbers.has(primary)) {
    found.push(problem(cryptoKeyTable, name, `its primary version ${primary} is missing`));
  }
  return found;
}

/** @throws RpcError DATA_LOSS if its material does not unwrap */
async function versionProblems(
  id: string,
  record: VersionRecord,
  reader: RecordReader,
): Promise<readonly RecordProblem[]> {
  const at = id.lastIndexOf('/');
  const key = id.slice(0, at);
  const wrong = (text: string): readonly RecordProblem[] => [problem(versionTable, id, text)];
  if (!(await reader.has(cryptoKeyTable, key))) return wrong('its key is missing');
  const { versionCount = Infinity } = (await reader.record(cryptoKeyTable, key)) ?? {};
  if (Number(id.slice(at + 1)) > versionCount) return wrong(`its key has ${versionCount} versions`);
  const lack = materialLack(record);
  if (lack !== null) return wrong(lack);
  if (record.material !== null && record.protectionLevel === 'SOFTWARE') {
    unwrap(id, record, reader.rootKey);
  }
  return [];
}

/** Null if state and material go together. */
function materialLack({ state, material }: VersionRecord): string | null {
  if (state === 'DESTROYED') return material === null ? null : `it is ${state} and has material`;
  const isUsable = state === 'ENABLED' || state === 'DISABLED' || state === 'DESTROY_SCHEDULED';
  return isUsable && material === null ? `it is ${state} and has no material` : null;
}

function unwrap(id: string, { material, algorithm }: VersionRecord, rootKey: RootKey): void {
  const name = versionNameOfRow(id);
  const wrapped = fromBase64(material?.['wrappedKey'] ?? '');
  const key = rootKey.unwrapKey(wrapped, versionPurpose(name));
  const isWhole = key.length === keyAlgorithms[algorithm].keyBytes;
  wipe(key);
  if (!isWhole) throw damagedRowError(`key bytes of ${name} that ${algorithm} cannot use`);
}

function problem<T>(table: Table<T>, id: string, text: string): RecordProblem {
  return { where: table.prefix + id, problem: text };
}
