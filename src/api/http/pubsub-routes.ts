import type { BrokerService } from '../../broker/index.ts';
import { Publisher, Subscriber, type PullRequest } from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { SchemaService } from '../../proto/google/pubsub/v1/schema_pb.ts';
import { pull } from '../pubsub/consuming.ts';
import { rpcName, type ApiMethod } from '../method.ts';
import { unsupportedMethod } from '../pubsub/unsupported.ts';
import { checkTopicName } from '../pubsub/validation.ts';
import type { HttpMethod, Route } from '../route.ts';
import { messageToJson } from '../json/proto-json.ts';
import { readPublishRequest } from '../json/publish-json.ts';
import { writePublishResponse, writePullResponse } from '../json/pull-json.ts';
import { httpBinding, refuseQuery, transcode, type HttpBinding } from './transcoding.ts';

type Handle = Route['handle'];

/** Every REST path of Pub/Sub, from the protos' own bindings; what we lack answers 501. */
export function pubsubRoutes(methods: readonly ApiMethod[], broker: BrokerService): Route[] {
  const byName = new Map(methods.map((each) => [rpcName(each.desc), each]));
  const hot = hotHandlers(broker);
  const routes: Route[] = [];
  for (const service of [Publisher, Subscriber, SchemaService]) {
    for (const desc of service.methods) {
      const binding = httpBinding(desc);
      if (binding === undefined) continue;
      const rpc = rpcName(desc);
      const handle = hot.get(rpc) ?? transcoded(binding, byName.get(rpc)) ?? refusal(rpc);
      routes.push({ rpc, method: binding.method, template: binding.template, handle });
    }
  }
  return [...routes, ...iamRoutes(), ...messageTransformRoutes()];
}

function hotHandlers(broker: BrokerService): Map<string, Handle> {
  return new Map<string, Handle>([
    [
      'google.pubsub.v1.Publisher.Publish',
      async ({ params, query, body }) => {
        const topic = params['topic'] ?? '';
        checkTopicName(topic);
        if (query.size > 0) refuseQuery(query, params);
        return writePublishResponse(await broker.publish(topic, readPublishRequest(body)));
      },
    ],
    [
      'google.pubsub.v1.Subscriber.Pull',
      async (call) => {
        const binding = httpBinding(Subscriber.method.pull)!;
        const request = transcode(Subscriber.method.pull, binding, call) as PullRequest;
        return pull(broker, request, call.signal, writePullResponse);
      },
    ],
  ]);
}

function transcoded(binding: HttpBinding, method: ApiMethod | undefined): Handle | undefined {
  if (method === undefined) return undefined;
  const { desc } = method;
  return async (call) =>
    messageToJson(desc.output, await method.call(transcode(desc, binding, call), call));
}

const refusal =
  (rpc: string): Handle =>
  () => {
    throw unsupportedMethod(rpc);
  };

/** pubsub_v1.yaml binds IAM on four collections, and getIamPolicy to GET, unlike IAM itself. */
function iamRoutes(): Route[] {
  const verbs: [HttpMethod, string, string][] = [
    ['GET', 'getIamPolicy', 'GetIamPolicy'],
    ['POST', 'setIamPolicy', 'SetIamPolicy'],
    ['POST', 'testIamPermissions', 'TestIamPermissions'],
  ];
  return ['topics', 'subscriptions', 'snapshots', 'schemas'].flatMap((collection) =>
    verbs.map(([method, verb, name]) => {
      const rpc = `google.iam.v1.IAMPolicy.${name}`;
      const template = `/v1/{resource=projects/*/${collection}/*}:${verb}`;
      return { rpc, method, template, handle: refusal(rpc) };
    }),
  );
}

/** In no public proto; gcloud calls them. */
function messageTransformRoutes(): Route[] {
  return ['validateMessageTransform', 'testMessageTransforms'].map((verb) => {
    const rpc = `google.pubsub.v1.Projects.${verb}`;
    const template = `/v1/{project=projects/*}:${verb}`;
    return { rpc, method: 'POST', template, handle: refusal(rpc) };
  });
}
