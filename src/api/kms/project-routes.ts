import { timestampFromMs, TimestampSchema } from '@bufbuild/protobuf/wkt';

import type { EmbeddedKeyService } from '../../kms/index.ts';
import { refuseQuery } from '../http/transcoding.ts';
import { messageToJson } from '../json/proto-json.ts';
import type { Route } from '../route.ts';

/**
 * Cloud Resource Manager v1's GetProject, by which clients learn a project's number. Any project
 * exists: it comes into being with the first question about it.
 */
export function projectRoutes({ projects }: Pick<EmbeddedKeyService, 'projects'>): Route[] {
  return [
    {
      rpc: 'google.cloud.resourcemanager.v1.Projects.GetProject',
      method: 'GET',
      template: '/v1/projects/{project_id}',
      handle: async ({ params, query }) => {
        refuseQuery(query, params);
        const project = await projects.get(params['project_id']!);
        return {
          projectNumber: project.projectNumber,
          projectId: project.projectId,
          lifecycleState: 'ACTIVE',
          name: project.projectId,
          createTime: messageToJson(TimestampSchema, timestampFromMs(project.createTimeMs)),
        };
      },
    },
  ];
}
