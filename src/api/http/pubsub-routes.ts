import type { BrokerService } from '../../broker/index.ts';
import { operator } from '../../iam/index.ts';
import { Subscriber, type PullRequest } from '../../proto/google/pubsub/v1/pubsub_pb.ts';
import type { Access } from '../access/access.ts';
import { oneField } from '../access/request-fields.ts';
import { requirePull, watchedPull } from '../access/watched-pull.ts';
import { readPublishRequest } from '../json/publish-json.ts';
import { writePublishResponse, writePullResponse } from '../json/pull-json.ts';
import { pull } from '../pubsub/consuming.ts';
import { checkTopicName } from '../pubsub/validation.ts';
import type { Route } from '../route.ts';
import type { HandMade } from './method-routes.ts';
import { httpBindings } from './service-bindings.ts';
import { refuseQuery, transcode } from './transcoding.ts';

const publishRpc = 'google.pubsub.v1.Publisher.Publish';

/** Pub/Sub's methods whose JSON is read or written by hand. */
export function hotHandlers(broker: BrokerService, access: Access): HandMade {
  return new Map<string, Route['handle']>([
    [
      publishRpc,
      async ({ principal, params, query, body }) => {
        const topic = params['topic'] ?? '';
        checkTopicName(topic);
        if (principal !== operator) access.require(principal, publishRpc, oneField('topic', topic));
        if (query.size > 0) refuseQuery(query, params);
        return writePublishResponse(await broker.publish(topic, readPublishRequest(body)));
      },
    ],
    [
      'google.pubsub.v1.Subscriber.Pull',
      async (call) => {
        const [binding] = httpBindings(Subscriber.method.pull);
        const request = transcode(Subscriber.method.pull, binding!, call) as PullRequest;
        const puller = { principal: call.principal, subscription: request.subscription };
        requirePull(access, puller);
        return watchedPull(access, puller, call.signal, (signal) =>
          pull(broker, request, signal, writePullResponse),
        );
      },
    ],
  ]);
}
