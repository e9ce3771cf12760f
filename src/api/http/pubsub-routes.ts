import type { BrokerService } from '../../broker/index.ts';
import { Subscriber, type PullRequest } from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import { readPublishRequest } from '../json/publish-json.ts';
import { writePublishResponse, writePullResponse } from '../json/pull-json.ts';
import { pull } from '../pubsub/consuming.ts';
import { checkTopicName } from '../pubsub/validation.ts';
import type { Route } from '../route.ts';
import { refusal, type HandMade } from './method-routes.ts';
import { httpBindings } from './service-bindings.ts';
import { refuseQuery, transcode } from './transcoding.ts';

/** Pub/Sub's methods whose JSON is read or written by hand. */
export function hotHandlers(broker: BrokerService): HandMade {
  return new Map<string, Route['handle']>([
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
        const [binding] = httpBindings(Subscriber.method.pull);
        const request = transcode(Subscriber.method.pull, binding!, call) as PullRequest;
        return pull(broker, request, call.signal, writePullResponse);
      },
    ],
  ]);
}

/** In no public proto; gcloud calls them. */
export function messageTransformRoutes(): Route[] {
  return ['validateMessageTransform', 'testMessageTransforms'].map((verb) => {
    const rpc = `google.pubsub.v1.Projects.${verb}`;
    const template = `/v1/{project=projects/*}:${verb}`;
    return { rpc, method: 'POST', template, handle: refusal(rpc) };
  });
}
