import { camelCase } from '../../../rpc/index.ts';
import type { JsonObject } from '../../json/json-body.ts';
import { JsonFields } from '../../sealpost/json-fields.ts';
import { unsupportedField } from '../../unsupported.ts';

/** An object's fields; errors name them as YAML has them: `spec.template.spec.timeoutSeconds`. */
export function knativeFields(json: JsonObject, known: readonly string[]): JsonFields {
  return new JsonFields(json, known, '', camelCase);
}

/** @throws RpcError UNIMPLEMENTED for the first of `names` that says anything */
export function refuseFilled(fields: JsonFields, kind: string, names: readonly string[]): void {
  const filled = names.find((name) => fields.isFilled(name));
  if (filled !== undefined) throw unsupportedField(kind, fields.path(filled));
}
