import type { EmbeddedKeyService } from '../../kms/index.ts';
import { requireNoQuery } from './query-fields.ts';
import { timestamp } from './resource-views.ts';
import type { Route } from '../route.ts';

/**
 * Cloud Resource Manager v1's GetProject, by which clients learn a project's number. Any project
 * exists: it comes into being with the first question about it.
 */
export function projectRoutes({ projects }: EmbeddedKeyService): Route[] {
  return [
    {
      rpc: 'google.cloud.resourcemanager.v1.Projects.GetProject',
      method: 'GET',
      template: '/v1/projects/{project_id}',
      handle: async (call) => {
        requireNoQuery(call);
        const project = await projects.get(call.params['project_id']!);
        return {
          projectNumber: project.projectNumber,
          projectId: project.projectId,
          lifecycleState: 'ACTIVE',
          name: project.projectId,
          createTime: timestamp(project.createTimeMs),
        };
      },
    },
  ];
}
