import { RpcError } from '../../rpc/index.ts';
import type { TopicRow } from '../catalog/catalog-rows.ts';

/**
 * Throws FAILED_PRECONDITION if the topic's policy does not let messages be stored in this region.
 * Without a region every policy is met.
 */
export function checkStorageRegion(topic: TopicRow, region: string | undefined): void {
  if (!isAllowed(topic, region)) throw notAllowed(region);
}

/** The same for taking messages, where the policy is also enforced in transit. */
export function checkTransitRegion(topic: TopicRow, region: string | undefined): void {
  if (topic.messageStoragePolicy?.enforceInTransit !== true) return;
  checkStorageRegion(topic, region);
}

function isAllowed({ messageStoragePolicy }: TopicRow, region: string | undefined): boolean {
  if (messageStoragePolicy === undefined || region === undefined) return true;
  return messageStoragePolicy.allowedPersistenceRegions.includes(region);
}

const notAllowed = (region: string | undefined): RpcError =>
  new RpcError(
    'FAILED_PRECONDITION',
    'REGION_NOT_ALLOWED',
    `The message storage policy of the topic does not allow the region of this server (region=${region}).`,
  );
