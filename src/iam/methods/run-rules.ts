import type { AccessRule } from '../access-rule.ts';
import { actAs, demand, rulesOf } from './rules.ts';

const location = 'projects/{project}/locations/{location}';
const service = `${location}/services/{service}`;
const revision = `${location}/revisions/{revision}`;

const services = rulesOf('google.cloud.run.v1.Services', {
  ListServices: [demand('run.services.list', location)],
  CreateService: [demand('run.services.create', location), actAs('service_account')],
  GetService: [demand('run.services.get', service)],
  ReplaceService: [demand('run.services.update', service), actAs('service_account')],
  DeleteService: [demand('run.services.delete', service)],
  GetIamPolicy: [demand('run.services.getIamPolicy', service)],
  SetIamPolicy: [demand('run.services.setIamPolicy', service)],
  TestIamPermissions: [],
});

const derived = [
  ...rulesOf('google.cloud.run.v1.Revisions', {
    ListRevisions: [demand('run.revisions.list', location)],
    GetRevision: [demand('run.revisions.get', revision)],
    DeleteRevision: [demand('run.revisions.delete', revision)],
  }),
  ...rulesOf('google.cloud.run.v1.Configurations', {
    ListConfigurations: [demand('run.configurations.list', location)],
    GetConfiguration: [demand('run.configurations.get', service)],
  }),
  ...rulesOf('google.cloud.run.v1.Routes', {
    ListRoutes: [demand('run.routes.list', location)],
    GetRoute: [demand('run.routes.get', service)],
  }),
];

/** google.cloud.run.v1: `service_account` is the one that a service runs as. */
export const runRules: readonly AccessRule[] = [...services, ...derived];
