import { statusTable } from '../../rpc/index.ts';
import { textIn, type Json } from '../connection/rest-api.ts';
import type { Column } from '../output/table.ts';

export const entryColumns: readonly Column[] = [
  'TIME',
  'PRINCIPAL',
  'METHOD',
  'RESOURCE',
  'OUTCOME',
  'DETAIL',
  'REASON',
].map((title) => ({ title }));

const codeNames = new Map(Object.entries(statusTable).map(([name, { number }]) => [number, name]));

/** One LogEntry with an AuditLog in it, as a row. */
export function entryCells(entry: Json): string[] {
  const payload = objectIn(entry, 'protoPayload');
  const status = objectIn(payload, 'status');
  const code = Number(status['code'] ?? 0);
  return [
    textIn(entry, 'timestamp'),
    textIn(objectIn(payload, 'authenticationInfo'), 'principalEmail'),
    textIn(payload, 'methodName').replace(/^google\.[\w.]+\.(\w+)$/, '$1'),
    textIn(payload, 'resourceName'),
    codeNames.get(code) ?? String(code),
    detailOf(payload),
    reasonOf(payload),
  ];
}

/** What a change made, or was to make: the state of a version, or who is bound. */
function detailOf(payload: Json): string {
  const request = objectIn(payload, 'request');
  const asked = textIn(objectIn(request, 'cryptoKeyVersion'), 'state');
  const state = textIn(objectIn(payload, 'response'), 'state') || asked;
  if (state !== '') return `state ${state}`;
  const { bindings } = objectIn(request, 'policy');
  if (!Array.isArray(bindings)) return '';
  const bound = (bindings as Json[]).map(boundBy);
  return `bindings ${bound.length === 0 ? 'none' : bound.join(', ')}`;
}

/** `cloudkms.admin (2)`: a role, and how many members have it. */
function boundBy(binding: Json): string {
  const { members } = binding;
  const count = Array.isArray(members) ? members.length : 0;
  return `${textIn(binding, 'role').replace(/^roles\//, '')} (${count})`;
}

/** The access reason, and for what a service needed the key. */
function reasonOf(payload: Json): string {
  const attributes = objectIn(objectIn(payload, 'requestMetadata'), 'requestAttributes');
  const entries = objectIn(objectIn(payload, 'metadata'), 'entries');
  const context = objectIn(entries, 'caller_provided_context');
  const used = [textIn(context, 'purpose'), textIn(context, 'resource')].filter(
    (text) => text !== '',
  );
  const reason = textIn(attributes, 'reason');
  return [reason, used.join(' ')].filter((text) => text !== '').join(': ');
}

function objectIn(json: Json, field: string): Json {
  const value = json[field];
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
