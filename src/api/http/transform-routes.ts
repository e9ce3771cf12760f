import type { BrokerService } from '../../broker/index.ts';
import type { JsonValue } from '../json.ts';
import type { JsonObject } from '../json/json-body.ts';
import { testMessageTransforms, validateMessageTransform } from '../pubsub/transform-methods.ts';
import { checkProject } from '../pubsub/validation.ts';
import type { Route } from '../route.ts';
import { refuseQuery } from './transcoding.ts';

type Answer = (broker: BrokerService, body: JsonObject, project: string) => Promise<JsonValue>;

const answers: Readonly<Record<string, Answer>> = {
  validateMessageTransform,
  testMessageTransforms,
};

/** In no public proto; gcloud calls them. */
export function messageTransformRoutes(broker: BrokerService): Route[] {
  return Object.entries(answers).map(([verb, answer]) => ({
    rpc: `google.pubsub.v1.Projects.${verb}`,
    method: 'POST',
    template: `/v1/{project=projects/*}:${verb}`,
    handle: async (call) => {
      const { params, query } = call;
      const project = params['project'] ?? '';
      checkProject(project);
      if (query.size > 0) refuseQuery(query, params);
      return await answer(broker, call.json(), project);
    },
  }));
}
