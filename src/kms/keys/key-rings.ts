import { audited } from '../audit/audited.ts';
import { keyOperation } from '../audit/key-operation.ts';
import { alreadyExistsError } from '../kms-error.ts';
import type { KeyCaller } from '../key-service.ts';
import type { KmsContext } from '../kms-context.ts';
import { keyRingFields } from '../lists/list-fields.ts';
import { requireId, requireLocation, requireName } from '../names.ts';
import { type Page, pageOfRows, type PageRequest } from '../rows/page.ts';
import { type KeyRingRecord, keyRingTable } from '../rows/records.ts';
import { type Row, rowWrite } from '../rows/sealed-rows.ts';
import { requireKeyRing } from '../rows/stored-keys.ts';

/** How a list asks for every location of a project. */
const everywhere = '/locations/-';

/** A key ring: a name under which keys and an IAM policy stand. Never deleted. */
export interface KeyRing {
  readonly name: string;
  readonly createTimeMs: number;
}

export class KeyRings {
  readonly #context: KmsContext;

  constructor(context: KmsContext) {
    this.#context = context;
  }

  /** @throws RpcError ALREADY_EXISTS, INVALID_ARGUMENT */
  create(parent: string, id: string, caller: KeyCaller): Promise<KeyRing> {
    const name = `${parent}/keyRings/${id}`;
    const request = { parent, keyRingId: id };
    const call = keyOperation('CreateKeyRing', parent, caller, { target: name, request });
    return audited(this.#context, call, async (trail) => {
      requireLocation(parent);
      requireId(id, 'key_ring_id');
      const record = { createTimeMs: this.#context.clock.wallMs() };
      const write = rowWrite(keyRingTable, { id: name, version: 0 }, record);
      trail.respond({ name });
      if (!(await trail.commit([write]))) throw alreadyExistsError('KeyRing', name);
      return { name, ...record };
    });
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  get(name: string, caller: KeyCaller): Promise<KeyRing> {
    const call = keyOperation('GetKeyRing', name, caller, { request: { name } });
    return audited(this.#context, call, async () => {
      requireName(name, 'KeyRing');
      return keyRingOf(await requireKeyRing(this.#context, name));
    });
  }

  /** Of one location, or of all with the location `-`. @throws RpcError INVALID_ARGUMENT */
  list(parent: string, request: PageRequest, caller: KeyCaller): Promise<Page<KeyRing>> {
    const call = keyOperation('ListKeyRings', parent, caller, { request: { parent, ...request } });
    return audited(this.#context, call, async () => {
      const isOfAll = parent.endsWith(everywhere);
      const above = isOfAll ? parent.slice(0, -everywhere.length) : parent;
      requireLocation(isOfAll ? `${above}/locations/global` : parent);
      const prefix = isOfAll ? `${above}/locations/` : `${parent}/keyRings/`;
      const shape = { fields: keyRingFields, view: keyRingOf };
      return await pageOfRows(this.#context, keyRingTable, prefix, request, shape);
    });
  }
}

function keyRingOf(row: Row<KeyRingRecord>): KeyRing {
  return { name: row.id, createTimeMs: row.record.createTimeMs };
}
