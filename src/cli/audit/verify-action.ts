import type { Action } from '../command/command-spec.ts';
import { followed, tell, type Report } from '../verify/verify-action.ts';

const path = 'sealpost/v1/audit:verify';

export const verifyAudit: Action = async (_, tools) => {
  const first = (await tools.api.post(path, {})) as Report;
  return tell(tools, await followed(tools, first, path));
};
