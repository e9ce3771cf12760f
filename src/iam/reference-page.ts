import type { AccessRule, Demand } from './access-rule.ts';
import { accessRules } from './methods/method-table.ts';
import { roleTables } from './roles/roles.ts';

/** The end of docs/permissions.md: the table of methods and the roles, as they are in the code. */
export function permissionsPage(): string {
  const services = Map.groupBy(accessRules, ({ rpc }) => rpc.slice(0, rpc.lastIndexOf('.')));
  return [
    '## Methods',
    '',
    ...[...services].flatMap(([service, rules]) => [
      `### ${service}`,
      '',
      '| method | asks for |',
      '|---|---|',
      ...rules.map(methodLine),
      '',
    ]),
    '## Roles',
    '',
    '| role | permissions |',
    '|---|---|',
    ...[...roleTables].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(roleLine),
    '',
  ].join('\n');
}

function methodLine({ rpc, demands, isPublic }: AccessRule): string {
  const name = rpc.slice(rpc.lastIndexOf('.') + 1);
  if (isPublic === true) return `| ${name} | nothing, not even who calls |`;
  if (demands.length === 0) return `| ${name} | authentication alone |`;
  return `| ${name} | ${demands.map(demandText).join('; ')} |`;
}

function demandText({ permission, on, at, isOptional }: Demand): string {
  const named =
    on === 'server' ? '`organizations/sealpost`' : `\`${on.replaceAll('|', '` or `')}\``;
  const places = {
    project: `the project of ${named}`,
    topicOfSubscription: `the topic of ${named}`,
    serviceAccount: `the account in ${named}`,
  };
  const place = at === undefined ? named : places[at];
  return `\`${permission}\` on ${place}${isOptional === true ? ', if set' : ''}`;
}

/** Roles hold hundreds: verbs of one collection stand together. */
function roleLine([role, permissions]: readonly [string, ReadonlySet<string>]): string {
  const collections = Map.groupBy([...permissions].toSorted(), (permission) =>
    permission.slice(0, permission.lastIndexOf('.')),
  );
  const parts = [...collections].map(([collection, all]) => {
    const verbs = all.map((permission) => permission.slice(collection.length + 1)).join(', ');
    return `\`${collection}\`: ${verbs}`;
  });
  return `| \`${role}\` | ${parts.join('; ')} |`;
}
