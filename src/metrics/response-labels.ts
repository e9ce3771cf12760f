import { responseClass, type StatusCode } from '../rpc/index.ts';

export type ResponseLabel = 'response_class' | 'response_code';

export const responseLabelNames: readonly ResponseLabel[] = ['response_class', 'response_code'];

/** Cloud Monitoring's words for a status code: OK is `success`, the others in lower case. */
export function responseLabels(code: StatusCode): Record<ResponseLabel, string> {
  return {
    response_class: responseClass(code),
    response_code: code === 'OK' ? 'success' : code.toLowerCase(),
  };
}
