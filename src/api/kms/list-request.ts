import type { PageRequest } from '../../kms/index.ts';

/** What every list of Cloud KMS asks for beside its parent. */
interface ListRequest {
  readonly pageSize: number;
  readonly pageToken: string;
  readonly filter: string;
  readonly orderBy: string;
}

export function listRequest({ pageSize, pageToken, filter, orderBy }: ListRequest): PageRequest {
  return {
    pageSize,
    pageToken,
    ...(filter !== '' && { filter }),
    ...(orderBy !== '' && { orderBy }),
  };
}
