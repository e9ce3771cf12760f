import type { ErrorDetail } from '../sealpost-error.ts';
import { encodeBase64 } from './base64.ts';
import { ProtoReader } from './proto-reader.ts';

/** google.protobuf.Any with a detail of google/rpc/error_details.proto, as proto3 JSON has it. */
export function readDetail(any: ProtoReader): ErrorDetail {
  let type = '';
  let bytes: Uint8Array = new Uint8Array(0);
  for (let field = any.next(); field !== 0; field = any.next()) {
    if (field === 1) type = any.string();
    else if (field === 2) bytes = any.bytes();
    else any.skip();
  }
  const read = readers[type.slice(type.lastIndexOf('/') + 1)];
  const fields = read === undefined ? { value: encodeBase64(bytes) } : read(new ProtoReader(bytes));
  return { '@type': type, ...fields };
}

type Fields = Record<string, unknown>;

const readers: Readonly<Record<string, (reader: ProtoReader) => Fields>> = {
  'google.rpc.ErrorInfo': readErrorInfo,
  'google.rpc.BadRequest': (reader) => ({
    fieldViolations: readViolations(reader, ['field', 'description']),
  }),
  'google.rpc.PreconditionFailure': (reader) => ({
    violations: readViolations(reader, ['type', 'subject', 'description']),
  }),
  'google.rpc.RetryInfo': readRetryInfo,
};

function readErrorInfo(reader: ProtoReader): Fields {
  const metadata: [string, string][] = [];
  const info = { reason: '', domain: '' };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) info.reason = reader.string();
    else if (field === 2) info.domain = reader.string();
    else if (field === 3) metadata.push(readEntry(reader.message()));
    else reader.skip();
  }
  return metadata.length === 0 ? info : { ...info, metadata: Object.fromEntries(metadata) };
}

/** One entry of a map from string to string. */
export function readEntry(reader: ProtoReader): [key: string, value: string] {
  const entry: [string, string] = ['', ''];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) entry[0] = reader.string();
    else if (field === 2) entry[1] = reader.string();
    else reader.skip();
  }
  return entry;
}

/** The messages of field 1, whose fields are strings with these names, numbered from 1. */
function readViolations(reader: ProtoReader, names: readonly string[]): Fields[] {
  const violations: Fields[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) violations.push(readStrings(reader.message(), names));
    else reader.skip();
  }
  return violations;
}

function readStrings(reader: ProtoReader, names: readonly string[]): Fields {
  const fields: Fields = {};
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const name = names[field - 1];
    if (name === undefined) reader.skip();
    else fields[name] = reader.string();
  }
  return fields;
}

function readRetryInfo(reader: ProtoReader): Fields {
  let seconds = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) seconds = readSeconds(reader.message());
    else reader.skip();
  }
  return { retryDelay: `${seconds}s` };
}

/** A Duration or Timestamp in seconds with a fraction. */
function readSeconds(reader: ProtoReader): number {
  let seconds = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) seconds += reader.number();
    else if (field === 2) seconds += reader.number() / 1e9;
    else reader.skip();
  }
  return seconds;
}
