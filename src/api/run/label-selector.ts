import type { RpcError } from '../../rpc/index.ts';
import { badRequest } from '../json/json-body.ts';
import { unsupportedField } from '../unsupported.ts';

/** `KEY = VALUE`, with a prefix or not; values may be empty (Kubernetes, labels and selectors). */
const equality = /^\s*([A-Za-z0-9][A-Za-z0-9_.\-/]*)\s*={1,2}\s*([A-Za-z0-9_.-]*)\s*$/;
/** The rest of Kubernetes' language. */
const otherTerm = /!=|[()!]|^\s*[\w.\-/]+\s*$|\s(?:in|notin)\s/;

/**
 * The terms of a Kubernetes label selector, all of which must hold.
 *
 * @throws RpcError INVALID_ARGUMENT for what is none, UNIMPLEMENTED for other terms than equality
 */
export function readSelector(selector: string): Readonly<Record<string, string>> {
  if (selector.trim() === '') return {};
  const terms = selector.split(',').map((term): [string, string] => {
    const [, key, value] = equality.exec(term) ?? [];
    if (key !== undefined) return [key, value ?? ''];
    if (otherTerm.test(term)) throw unsupportedField('List', 'labelSelector: other than =');
    throw invalid(term, 'must be KEY=VALUE');
  });
  const labels = new Map(terms);
  const twice = terms.find(([key, value]) => labels.get(key) !== value);
  if (twice !== undefined) throw invalid(twice[0], 'cannot have two values');
  return Object.fromEntries(labels);
}

function invalid(term: string, rule: string): RpcError {
  const shown = JSON.stringify(term.slice(0, 100).toWellFormed());
  return badRequest([{ field: 'labelSelector', description: `labelSelector: ${shown} ${rule}.` }]);
}
