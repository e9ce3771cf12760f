import { readFileSync } from 'node:fs';

import { CommandError } from '../command/command-error.ts';
import type { OptionSpec } from '../command/command-spec.ts';
import type { Json } from '../connection/rest-api.ts';
import type { FieldRule } from './resource-change.ts';

export const transformsOption: OptionSpec = {
  name: 'transforms-file',
  placeholder: 'FILE',
  completes: 'files',
  doc: 'Message transforms: a JSON list such as [{"javascriptUdf": {"functionName", "code"}}].',
};

export const transformsRule: FieldRule = {
  field: 'messageTransforms',
  path: 'message_transforms',
  option: 'transforms-file',
  clearedBy: 'clear-transforms',
  value: ({ flags }, option) => transformsIn(flags.text(option)!),
};

function transformsIn(file: string): unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(
      code === undefined ? `${file} is no JSON.` : `${file} cannot be read (${code}).`,
    );
  }
  if (Array.isArray(parsed)) return parsed;
  throw new CommandError(`${file} is no list of transforms: put [ and ] around one.`);
}

/** A line for each transform, in the order in which they are applied. */
export function transformLines(resource: Json): [string, string][] {
  const transforms = (resource['messageTransforms'] ?? []) as Json[];
  return transforms.map((transform, at) => [
    at === 0 ? 'Transforms' : '',
    `${at + 1}. ${transformText(transform)}${transform['disabled'] === true ? ', disabled' : ''}`,
  ]);
}

function transformText({ javascriptUdf, compression, ...others }: Json): string {
  const { functionName } = (javascriptUdf ?? {}) as { functionName?: string };
  if (functionName !== undefined) return `JavaScript function ${functionName}`;
  const { compressionAlgorithm, compressionMode } = (compression ?? {}) as Record<string, string>;
  if (compressionMode === undefined) return Object.keys(others).join(', ');
  return `${compressionMode.toLowerCase()} with ${compressionAlgorithm?.toLowerCase()}`;
}
