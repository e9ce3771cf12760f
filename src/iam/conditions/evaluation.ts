import {
  CelScalar,
  celEnv,
  celMethod,
  objectType,
  plan,
  type CelFunc,
  type CelInput,
  type parse,
} from '@bufbuild/cel';
import { timestampFromMs, timestampMs, TimestampSchema } from '@bufbuild/protobuf/wkt';

import type { ConditionAttributes } from './condition.ts';
import { localDate, timeParts } from './time-parts.ts';

type Expression = ReturnType<typeof parse>['expr'];

/**
 * IAM's `extract`: what stands at the braces of a template, between the texts around them; empty
 * where they are not found. `"projects/p/topics/t".extract("projects/{project}/")` is `p`.
 */
export function extracted(text: string, template: string): string {
  const [prefix = '', rest = ''] = template.split('{');
  const suffix = rest.slice(rest.indexOf('}') + 1);
  const start = text.indexOf(prefix);
  if (start === -1) return '';
  const from = start + prefix.length;
  const end = suffix === '' ? text.length : text.indexOf(suffix, from);
  return end === -1 ? '' : text.slice(from, end);
}

const extract = celMethod(
  'extract',
  CelScalar.STRING,
  [CelScalar.STRING],
  CelScalar.STRING,
  function (template) {
    return extracted(this, template);
  },
);

const { INT, STRING } = CelScalar;
const timestamp = objectType(TimestampSchema);

/** In place of the library's own, which go by the zone of this machine. */
const getters = Object.entries(timeParts).flatMap(([name, part]): CelFunc[] => {
  const partOf = (timeMs: number, zone?: string): bigint => BigInt(part(localDate(timeMs, zone)));
  return [
    celMethod(name, timestamp, [], INT, function () {
      return partOf(timestampMs(this.message));
    }),
    celMethod(name, timestamp, [STRING], INT, function (zone) {
      return partOf(timestampMs(this.message), zone);
    }),
  ];
});

const environment = celEnv({ funcs: [extract, ...getters] });

/** How an expression is evaluated that was found admissible. What fails does not hold. */
export function evaluatorOf(expression: Expression): (attributes: ConditionAttributes) => boolean {
  const evaluate = plan(environment, expression);
  return (attributes) => evaluate(bindingsOf(attributes)) === true;
}

function bindingsOf({
  resourceName,
  resourceType,
  timeMs,
}: ConditionAttributes): Record<string, CelInput> {
  return {
    resource: new Map([
      ['name', resourceName],
      ['type', resourceType],
      ['service', resourceType.split('/')[0]!],
    ]),
    request: new Map([['time', timestampFromMs(timeMs)]]),
  };
}
