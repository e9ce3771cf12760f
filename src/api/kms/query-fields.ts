import { camelCase, snakeCase } from '../../rpc/index.ts';
import { badRequest, invalidPayload } from '../json/json-body.ts';

/** Parameters that every Google API takes. None changes an answer here but prettyPrint. */
const systemParameters: ReadonlySet<string> = new Set([
  '$.xgafv',
  '$alt',
  '$prettyPrint',
  'access_token',
  'alt',
  'callback',
  'fields',
  'key',
  'oauth_token',
  'prettyPrint',
  'quotaUser',
  'uploadType',
  'upload_protocol',
  'userProject',
]);

/** The query of one call, its names in either spelling. */
export class QueryFields {
  readonly #values: ReadonlyMap<string, string>;

  /**
   * `known` are the method's own parameters, in lowerCamelCase.
   *
   * @throws RpcError INVALID_ARGUMENT on any other
   */
  constructor(query: URLSearchParams, known: readonly string[] = []) {
    const values = new Map<string, string>();
    for (const [given, value] of query) {
      const name = camelCase(given);
      if (known.includes(name)) values.set(name, value);
      else if (!systemParameters.has(given)) throw unknownParameter(given);
    }
    this.#values = values;
  }

  /** Empty if absent. */
  text(name: string): string {
    return this.#values.get(name) ?? '';
  }

  /** 0 if absent. */
  integer(name: string): number {
    const value = this.text(name);
    if (value === '') return 0;
    if (/^-?[0-9]{1,10}$/.test(value)) return Number(value);
    throw this.#invalid(name, 'TYPE_INT32');
  }

  /** False if absent. */
  flag(name: string): boolean {
    const value = this.text(name);
    if (value === 'true') return true;
    if (value === '' || value === 'false') return false;
    throw this.#invalid(name, 'TYPE_BOOL');
  }

  #invalid(name: string, type: string): Error {
    const field = snakeCase(name);
    const value = JSON.stringify(this.text(name).slice(0, 200).toWellFormed());
    return badRequest([{ field, description: `Invalid value at '${field}' (${type}), ${value}` }]);
  }
}

/** For methods that have no parameters of their own. @throws RpcError INVALID_ARGUMENT */
export function requireNoQuery(call: { readonly query: URLSearchParams }): void {
  for (const name of call.query.keys()) {
    if (!systemParameters.has(name)) throw unknownParameter(name);
  }
}

function unknownParameter(name: string): Error {
  const quoted = name.slice(0, 200).toWellFormed();
  return invalidPayload(
    `Unknown name ${JSON.stringify(quoted)}: Cannot bind query parameter. ` +
      `Field '${quoted}' could not be found in request message.`,
    quoted,
  );
}
