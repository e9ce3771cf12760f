import { draw } from '../../runtime/index.ts';
import { audited } from '../audit/audited.ts';
import { keyOperation } from '../audit/key-operation.ts';
import type { DeleteOperation, RetiredResource } from '../key-administration.ts';
import type { KeyCaller } from '../key-service.ts';
import {
  argumentError,
  contentionError,
  keyHasVersionsError,
  retiredNotFoundError,
  versionStateError,
} from '../kms-error.ts';
import type { KmsContext } from '../kms-context.ts';
import { noFields } from '../lists/list-fields.ts';
import { requireKeyName, requireLocation, requireVersionName } from '../names.ts';
import { type Page, pageOfRows, type PageRequest } from '../rows/page.ts';
import {
  cryptoKeyTable,
  policyTable,
  type RetiredRecord,
  retiredNameTable,
  retiredTable,
  type VersionRecord,
  versionTable,
} from '../rows/records.ts';
import { type Row, rowRemoval, type RowWrite, rowWrite } from '../rows/sealed-rows.ts';
import { requireCryptoKey, requireVersion } from '../rows/stored-keys.ts';

const attemptsMax = 10;
const idBytes = 16;
/** No part longer than a key of the store takes. */
const resourcePattern =
  /^projects\/[!-.0-~]{1,200}\/locations\/[a-zA-Z0-9-]{1,63}\/(retiredResources|operations)\/[a-zA-Z0-9_-]{1,63}$/;
/** States in which a version has no material and never will. */
const deletableStates: readonly string[] = ['DESTROYED', 'GENERATION_FAILED'];

/**
 * Deletion of keys and versions that are done with, which leaves a RetiredResource. It is done when
 * it is answered; its operation has the RetiredResource's id.
 */
export class KeyDeletions {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** @throws RpcError NOT_FOUND; FAILED_PRECONDITION while it has versions */
  deleteKey(name: string, caller: KeyCaller): Promise<DeleteOperation> {
    const call = keyOperation('DeleteCryptoKey', name, caller, { request: { name } });
    return audited(this.#context, call, async (trail) => {
      requireKeyName(name);
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const key = await requireCryptoKey(this.#context, name);
        const left = await this.#context.rows.list(versionTable, `${name}/`, { limit: 1 });
        if (left.length > 0) throw keyHasVersionsError(name);
        const retired = this.#retire(name, 'CryptoKey');
        const policy = await this.#context.rows.get(policyTable, name);
        const writes = [
          rowRemoval(cryptoKeyTable, key),
          retired.write,
          rowWrite(
            retiredNameTable,
            { id: name, version: 0 },
            { retiredResource: retired.operation.retiredResource },
          ),
          ...(policy ? [rowRemoval(policyTable, policy)] : []),
        ];
        const change = { resource: name, kind: 'versionState' } as const;
        trail.respond({ name: retired.operation.name });
        if (await trail.commit(writes, { change })) return retired.operation;
      }
      throw contentionError(name);
    });
  }

  /** @throws RpcError NOT_FOUND; FAILED_PRECONDITION unless it is destroyed or never was */
  deleteVersion(name: string, caller: KeyCaller): Promise<DeleteOperation> {
    const call = keyOperation('DeleteCryptoKeyVersion', name, caller, { request: { name } });
    return audited(this.#context, call, async (trail) => {
      const { cryptoKey } = requireVersionName(name);
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const writes = await this.#versionRemoval(name);
        const retired = this.#retire(name, 'CryptoKeyVersion');
        const change = { resource: cryptoKey, kind: 'versionState' } as const;
        trail.respond({ name: retired.operation.name });
        if (await trail.commit([...writes, retired.write], { change })) return retired.operation;
      }
      throw contentionError(name);
    });
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  getRetired(name: string, caller: KeyCaller): Promise<RetiredResource> {
    const call = keyOperation('GetRetiredResource', name, caller, { request: { name } });
    return audited(this.#context, call, async () => {
      requireShape(name, 'retiredResources');
      return retiredOf(await this.#retiredRow(name, name));
    });
  }

  /** @throws RpcError INVALID_ARGUMENT */
  listRetired(
    parent: string,
    request: PageRequest,
    caller: KeyCaller,
  ): Promise<Page<RetiredResource>> {
    const shown = { request: { parent, ...request } };
    const call = keyOperation('ListRetiredResources', parent, caller, shown);
    return audited(this.#context, call, async () => {
      requireLocation(parent);
      const under = `${parent}/retiredResources/`;
      const shape = { fields: noFields, view: retiredOf };
      return await pageOfRows(this.#context, retiredTable, under, request, shape);
    });
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  getOperation(name: string, caller: KeyCaller): Promise<DeleteOperation> {
    const call = keyOperation('GetOperation', name, caller, { request: { name } });
    return audited(this.#context, call, async () => {
      requireShape(name, 'operations');
      const retiredName = name.replace('/operations/', '/retiredResources/');
      const { record } = await this.#retiredRow(retiredName, name);
      const isKey = record.resourceType === 'cloudkms.googleapis.com/CryptoKey';
      return {
        name,
        resourceType: isKey ? 'CryptoKey' : 'CryptoKeyVersion',
        retiredResource: retiredName,
      };
    });
  }

  async #retiredRow(id: string, named: string): Promise<Row<RetiredRecord>> {
    const row = await this.#context.rows.get(retiredTable, id);
    if (row === null) throw retiredNotFoundError(named);
    return row;
  }

  /**
   * The version's row goes, and its key has no primary any more if this was it. The key's row is
   * written either way, so that nobody makes the version primary meanwhile.
   */
  async #versionRemoval(name: string): Promise<RowWrite[]> {
    const { cryptoKey, version } = requireVersionName(name);
    const key = await requireCryptoKey(this.#context, cryptoKey);
    const row = await requireVersion(this.#context, cryptoKey, version);
    requireDeletable(name, row.record);
    const primary = key.record.primary === version ? null : key.record.primary;
    return [
      rowRemoval(versionTable, row),
      rowWrite(cryptoKeyTable, key, { ...key.record, primary }),
    ];
  }

  #retire(
    originalResource: string,
    kind: 'CryptoKey' | 'CryptoKeyVersion',
  ): { readonly write: RowWrite; readonly operation: DeleteOperation } {
    const parent = originalResource.split('/').slice(0, 4).join('/');
    const id = Buffer.from(draw(this.#context.entropy, idBytes)).toString('hex');
    const retiredResource = `${parent}/retiredResources/${id}`;
    const record: RetiredRecord = {
      originalResource,
      resourceType: `cloudkms.googleapis.com/${kind}`,
      deleteTimeMs: this.#context.clock.wallMs(),
    };
    return {
      write: rowWrite(retiredTable, { id: retiredResource, version: 0 }, record),
      operation: { name: `${parent}/operations/${id}`, resourceType: kind, retiredResource },
    };
  }
}

function retiredOf({ id: name, record }: Row<RetiredRecord>): RetiredResource {
  return { name, ...record };
}

function requireDeletable(name: string, { state }: VersionRecord): void {
  if (!deletableStates.includes(state)) throw versionStateError(name, state, 'DESTROYED');
}

function requireShape(name: string, collection: 'retiredResources' | 'operations'): void {
  if (resourcePattern.exec(name)?.[1] === collection) return;
  const shape = `projects/*/locations/*/${collection}/*`;
  const message = `Request field name '${name.slice(0, 256)}' must match ${shape}.`;
  throw argumentError('name', message);
}
