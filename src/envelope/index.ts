/**
 * envelope: DEKs and the bytes that they seal: message segments, ack records, metadata rows.
 *
 * Opens nothing that was changed, moved or replayed elsewhere; stores no unwrapped key.
 */
export type { Dek, DekEvent, DekManager, SealedTopic } from './dek.ts';
export type { SegmentPlace } from './segment.ts';
