import { alreadyExistsError } from './kms-error.ts';
import { type KmsContext, observed } from './kms-context.ts';
import { requireId, requireLocation, requireName } from './names.ts';
import { type Page, pageOfRows, type PageRequest } from './rows/page.ts';
import { type KeyRingRecord, keyRingTable } from './rows/records.ts';
import { refuseReserved } from './reserved-project.ts';
import { type Row, rowWrite } from './rows/sealed-rows.ts';
import { requireKeyRing } from './rows/stored-keys.ts';

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
  create(parent: string, id: string): Promise<KeyRing> {
    return observed(this.#context, 'CreateKeyRing', async () => {
      const project = requireLocation(parent);
      refuseReserved(project, 'cloudkms.keyRings.create', parent);
      requireId(id, 'key_ring_id');
      const name = `${parent}/keyRings/${id}`;
      const record = { createTimeMs: this.#context.clock.wallMs() };
      const write = rowWrite(keyRingTable, { id: name, version: 0 }, record);
      if (!(await this.#context.rows.commit([write]))) throw alreadyExistsError('KeyRing', name);
      return { name, ...record };
    });
  }

  /** @throws RpcError NOT_FOUND, INVALID_ARGUMENT */
  get(name: string): Promise<KeyRing> {
    return observed(this.#context, 'GetKeyRing', async () => {
      refuseReserved(requireName(name, 'KeyRing').project, 'cloudkms.keyRings.get', name);
      return keyRingOf(await requireKeyRing(this.#context, name));
    });
  }

  list(parent: string, request: PageRequest): Promise<Page<KeyRing>> {
    return observed(this.#context, 'ListKeyRings', async () => {
      refuseReserved(requireLocation(parent), 'cloudkms.keyRings.list', parent);
      const under = `${parent}/keyRings/`;
      const page = await pageOfRows(this.#context.rows, keyRingTable, under, request);
      return { ...page, items: page.items.map(keyRingOf) };
    });
  }
}

function keyRingOf(row: Row<KeyRingRecord>): KeyRing {
  return { name: row.id, createTimeMs: row.record.createTimeMs };
}
