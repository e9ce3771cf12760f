import { conditionProblem, knownRoles } from '../../iam/index.ts';
import type { JsonValue } from '../json.ts';
import type { RestCall, Route } from '../route.ts';
import { refuseQuery } from '../http/transcoding.ts';
import { JsonFields } from '../sealpost/json-fields.ts';

const rpc = 'google.iam.admin.v1.IAM';
const expressionFields = ['expression', 'title', 'description', 'location'];

/** What may stand in a policy: the roles that grant something here, conditions that are evaluated. */
export function roleRoutes(): Route[] {
  return [
    { rpc: `${rpc}.ListRoles`, method: 'GET', template: '/v1/roles', handle: list },
    {
      rpc: `${rpc}.LintPolicy`,
      method: 'POST',
      template: '/v1/iamPolicies:lintPolicy',
      handle: lint,
    },
  ];
}

/** All on one page: there are a few dozens. */
function list({ query, params }: RestCall): JsonValue {
  refuseQuery(query, { ...params, pageSize: '', pageToken: '', view: '', showDeleted: '' });
  return { roles: knownRoles().map((name) => ({ name })) };
}

/** Without results, the condition is one that a policy may have. */
function lint(call: RestCall): JsonValue {
  refuseQuery(call.query, call.params);
  const body = new JsonFields(call.json(), ['fullResourceName', 'condition']);
  body.text('fullResourceName');
  const condition = body.message('condition', expressionFields, 'google.type.Expr');
  const problem = conditionProblem(condition?.text('expression') ?? '');
  if (problem === undefined) return {};
  return {
    lintResults: [
      {
        level: 'CONDITION',
        validationUnitName: 'LintValidationUnits/ConditionCompileCheck',
        severity: 'ERROR',
        fieldName: 'condition.expression',
        debugMessage: problem,
      },
    ],
  };
}
