import { createHash } from 'node:crypto';
import { RpcError } from '../../rpc/index.ts';
import type { MetaRow, MetaStore } from '../../storage/index.ts';
import { allRows } from '../keys/key-state-rows.ts';
import type { ImageOwner, StoredImage } from './image-vault.ts';

/** An image's record: what it is, and its config, sealed under its DEK. */
export interface ImageRecord {
  readonly image: StoredImage;
  readonly sealedConfig: Uint8Array;
}

export const imagePrefix = 'vault/image/';

const format = 1;
const attemptsMax = 100;

/** Records of images in the vault's sealed metadata. */
export class ImageRows {
  readonly #meta: MetaStore;

  constructor(meta: MetaStore) {
    this.#meta = meta;
  }

  async get(owner: ImageOwner, digest: string): Promise<ImageRecord | null> {
    const row = await this.#meta.get(imageRowKey(owner, digest));
    return row && decodeImageRow(row);
  }

  /** The last import of an image holds: it may have another name for the same content. */
  async put({ image, sealedConfig }: ImageRecord): Promise<void> {
    const key = imageRowKey(image.owner, image.digest);
    const config = Buffer.from(sealedConfig).toString('base64');
    const value = new TextEncoder().encode(JSON.stringify({ format, image, config }));
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      if (await this.#meta.txn([], [{ key, value }])) return;
    }
    throw new RpcError('ABORTED', 'CONCURRENT_CHANGE', 'Too many changes of one image; retry.');
  }

  async all(prefix: string = imagePrefix): Promise<ImageRecord[]> {
    return (await allRows(this.#meta, prefix)).map(decodeImageRow);
  }

  ofService(serviceUid: string): Promise<ImageRecord[]> {
    return this.all(`${imagePrefix}${serviceUid}/`);
  }

  async remove({ owner, digest }: StoredImage): Promise<void> {
    await this.#meta.txn([], [{ key: imageRowKey(owner, digest), value: null }]);
  }
}

/** A key's name may be as long as a row's key: its hash stands for it. */
export function imageRowKey({ serviceUid, key }: ImageOwner, digest: string): string {
  const keyHash = createHash('sha256')
    .update(key ?? '')
    .digest('hex')
    .slice(0, 32);
  return `${imagePrefix}${serviceUid}/${digest}/${keyHash}`;
}

/** @throws RpcError DATA_LOSS for a row that this version did not write */
export function decodeImageRow({ key, value }: MetaRow): ImageRecord {
  const row = JSON.parse(new TextDecoder().decode(value)) as {
    readonly format: number;
    readonly image: StoredImage;
    readonly config: string;
  };
  if (row.format !== format) {
    const text = `Stored metadata ${key} has format ${row.format}, which this version cannot read.`;
    throw new RpcError('DATA_LOSS', 'METADATA_MALFORMED', text);
  }
  return { image: row.image, sealedConfig: new Uint8Array(Buffer.from(row.config, 'base64')) };
}
