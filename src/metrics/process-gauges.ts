import { Gauge, type Registry } from 'prom-client';
import type { StoreStats } from '../storage/index.ts';

/** Numbers of the whole process, asked at each scrape. */
export interface ProcessSource {
  storeStats(): StoreStats;
  /** What the disk of the data directory has free for us. */
  diskFreeBytes(): number;
  /** Plaintext bytes held in memory: opened segments, unsent deliveries. */
  openedBytes(): number;
}

/** When the certificate of the port ends; the setter is called for each new one. */
export type SetCertificate = (expiresAtMs: number) => void;

export function registerProcessGauges(registry: Registry, source: ProcessSource): SetCertificate {
  const register = (name: string, help: string, value: () => number): void => {
    const registered: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => registered.set(value()),
    });
  };
  register('sealpost_store_disk_bytes', 'Bytes that the data files take on disk.', () => {
    return source.storeStats().diskBytes;
  });
  register('sealpost_store_free_bytes', 'Bytes that the disk of the data files has free.', () => {
    return source.diskFreeBytes();
  });
  register('sealpost_store_segments', 'Segments stored now.', () => {
    return source.storeStats().segmentCount;
  });
  register('sealpost_plaintext_bytes', 'Plaintext bytes held in memory now.', () => {
    return source.openedBytes();
  });
  const certificate = new Gauge({
    name: 'sealpost_tls_certificate_expiry_timestamp_seconds',
    help: 'When the certificate of the port ends; 0 where it has none.',
    registers: [registry],
  });
  return (expiresAtMs) => certificate.set(expiresAtMs / 1_000);
}
