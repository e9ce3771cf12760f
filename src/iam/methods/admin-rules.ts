import type { AccessRule } from '../access-rule.ts';
import { demand, ifSet, rulesOf } from './rules.ts';

/** What a policy stands on decides which permission its reading and setting ask. */
const policies = rulesOf('google.iam.v1.IAMPolicy', {
  GetIamPolicy: [demand('*.getIamPolicy', 'resource')],
  SetIamPolicy: [demand('*.setIamPolicy', 'resource')],
  TestIamPermissions: [],
});

const project = 'projects/{project_id}';

const projects = rulesOf('google.cloud.resourcemanager.v1.Projects', {
  GetProject: [demand('resourcemanager.projects.get', project)],
});

const accounts = 'iam.serviceAccounts';
const accountKeys = 'iam.serviceAccountKeys';
const apiKeys = 'iam.serviceAccountApiKeys';

/** google.iam.admin.v1.IAM, with the API keys that are ours. */
const identities = rulesOf('google.iam.admin.v1.IAM', {
  ListServiceAccounts: [demand(`${accounts}.list`, 'name')],
  CreateServiceAccount: [demand(`${accounts}.create`, 'name')],
  GetServiceAccount: [demand(`${accounts}.get`, 'name')],
  PatchServiceAccount: [demand(`${accounts}.update`, 'name')],
  DeleteServiceAccount: [demand(`${accounts}.delete`, 'name')],
  EnableServiceAccount: [demand(`${accounts}.enable`, 'name')],
  DisableServiceAccount: [demand(`${accounts}.disable`, 'name')],
  ListServiceAccountKeys: [demand(`${accountKeys}.list`, 'name')],
  GetServiceAccountKey: [demand(`${accountKeys}.get`, 'name')],
  CreateServiceAccountKey: [demand(`${accountKeys}.create`, 'name')],
  UploadServiceAccountKey: [demand(`${accountKeys}.upload`, 'name')],
  DeleteServiceAccountKey: [demand(`${accountKeys}.delete`, 'name')],
  EnableServiceAccountKey: [demand(`${accountKeys}.enable`, 'name')],
  DisableServiceAccountKey: [demand(`${accountKeys}.disable`, 'name')],
  ListServiceAccountApiKeys: [demand(`${apiKeys}.list`, 'name')],
  GetServiceAccountApiKey: [demand(`${apiKeys}.get`, 'name')],
  CreateServiceAccountApiKey: [demand(`${apiKeys}.create`, 'name')],
  DeleteServiceAccountApiKey: [demand(`${apiKeys}.delete`, 'name')],
  ListRoles: [],
  LintPolicy: [],
});

const logging = rulesOf('google.logging.v2.LoggingServiceV2', {
  DeleteLog: [demand('logging.logs.delete', 'log_name')],
  WriteLogEntries: [demand('logging.logEntries.create', 'log_name')],
  // Entries of data access ask for logging.privateLogEntries.list beside.
  ListLogEntries: [demand('logging.logEntries.list', 'resource_names')],
  ListMonitoredResourceDescriptors: [],
  ListLogs: [
    demand('logging.logs.list', 'parent|resource_names'),
    ifSet(demand('logging.logs.list', 'resource_names')),
  ],
  TailLogEntries: [demand('logging.logEntries.list', 'resource_names')],
});

const usage = rulesOf('google.api.serviceusage.v1.ServiceUsage', {
  GetService: [demand('serviceusage.services.get', 'projects/{project}')],
  EnableService: [demand('serviceusage.services.enable', 'projects/{project}')],
  BatchEnableServices: [demand('serviceusage.services.enable', 'projects/{project}')],
});

export const adminRules: readonly AccessRule[] = [
  ...policies,
  ...projects,
  ...identities,
  ...logging,
  ...usage,
];
