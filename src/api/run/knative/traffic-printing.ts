import type { Service, TrafficTarget } from '../../../vault/index.ts';
import type { JsonValue } from '../../json.ts';

/** What was asked for, as `spec.traffic`. */
export function trafficJson(traffic: readonly TrafficTarget[]): JsonValue[] {
  return traffic.map(({ revisionId, percent, tag }) => ({
    ...(revisionId === undefined ? { latestRevision: true } : { revisionName: revisionId }),
    ...percentJson(percent, tag),
    ...(tag === undefined ? {} : { tag }),
  }));
}

/** What is in effect, as `status.traffic`. */
export function servedTrafficJson({ servedTraffic, url }: Service): JsonValue[] {
  return servedTraffic.map(({ revisionId, percent, tag, followsLatest }) => ({
    revisionName: revisionId,
    ...percentJson(percent, tag),
    ...(followsLatest ? { latestRevision: true } : {}),
    ...(tag === undefined ? {} : { tag, url: url.replace('://', `://${tag}---`) }),
  }));
}

/** A target that is there for its tag alone has none. */
function percentJson(percent: number, tag: string | undefined): { percent?: number } {
  return percent === 0 && tag !== undefined ? {} : { percent };
}
