import { Counter, Histogram, type Registry } from 'prom-client';

/** From an image of a megabyte on loopback to one of gigabytes from afar. */
const importSeconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

/** Images that come in. */
export class ImageMetrics {
  readonly #imports: Counter<'outcome'>;
  readonly #seconds: Histogram;
  readonly #importedBytes: Counter;
  readonly #deduplicatedBytes: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#imports = new Counter({
      name: 'sealpost_vault_imports_total',
      help: 'Images that deployments asked for, by whether they came in whole.',
      labelNames: ['outcome'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'sealpost_vault_import_seconds',
      help: 'From a reference to an image in the vault, seconds.',
      buckets: importSeconds,
      registers,
    });
    this.#importedBytes = new Counter({
      name: 'sealpost_vault_imported_bytes_total',
      help: 'Bytes of uncompressed layers that were sealed and stored.',
      registers,
    });
    this.#deduplicatedBytes = new Counter({
      name: 'sealpost_vault_deduplicated_bytes_total',
      help: 'Bytes of uncompressed layers that were there already, and were not fetched.',
      registers,
    });
  }

  imported(outcome: 'imported' | 'failed', bytes: number, deduplicated: number, ms: number): void {
    this.#imports.inc({ outcome });
    this.#importedBytes.inc(bytes);
    this.#deduplicatedBytes.inc(deduplicated);
    if (outcome === 'imported') this.#seconds.observe(ms / 1000);
  }
}
