import type { ArgumentSpec, CommandSpec, OptionSpec } from '../command/command-spec.ts';

const serviceArgument: ArgumentSpec = { name: 'SERVICE' };

export const regionOption: OptionSpec = {
  name: 'region',
  placeholder: 'REGION',
  doc: 'Where the service is [us-central1].',
};

const deploy: CommandSpec = {
  name: 'deploy',
  summary: 'Deploy an image as a service, or change one: what is not named stays.',
  details: [
    'Options but --env have the names that gcloud run deploy gives them. Each call makes a revision,',
    'and looks a tag up again. Waits until the revision is ready, or says why it is not; what served',
    'before goes on serving.',
  ].join('\n'),
  arguments: [serviceArgument],
  options: [
    { name: 'image', placeholder: 'IMAGE', doc: 'HOST/PATH:TAG; needed for a new service.' },
    {
      name: 'key',
      placeholder: 'KEY',
      doc: "A CryptoKey in the service's region: LOCATION/RING/KEY, or its full name.",
    },
    { name: 'clear-key', doc: 'Go back to the key of the server.' },
    {
      name: 'post-key-revocation-action-type',
      placeholder: 'ACTION',
      choices: ['prevent-new', 'shut-down'],
      completes: ['prevent-new', 'shut-down'],
      doc: 'What happens when the key is revoked.',
    },
    {
      name: 'encryption-key-shutdown-hours',
      placeholder: 'HOURS',
      kind: 'number',
      range: [1, 100_000],
      doc: 'With shut-down: hours until running instances are stopped.',
    },
    {
      name: 'env',
      placeholder: 'NAME=VALUE',
      kind: 'pairs',
      doc: 'Environment of the container, all of it. May be given several times.',
    },
    {
      name: 'port',
      placeholder: 'PORT',
      kind: 'number',
      range: [1, 65_535],
      doc: 'Where the container listens [8080].',
    },
    { name: 'memory', placeholder: 'SIZE', doc: 'Memory of an instance, as 512Mi [512Mi].' },
    { name: 'cpu', placeholder: 'COUNT', doc: 'Processors of an instance, as 1 or 500m [1].' },
    {
      name: 'concurrency',
      placeholder: 'COUNT',
      kind: 'number',
      range: [1, 1_000],
      doc: 'Requests that one instance is given at a time [80].',
    },
    {
      name: 'min-instances',
      placeholder: 'COUNT',
      kind: 'number',
      range: [0, 1_000],
      doc: 'Instances that are kept without requests [0].',
    },
    {
      name: 'max-instances',
      placeholder: 'COUNT',
      kind: 'number',
      range: [1, 1_000],
      doc: 'Instances at most [100].',
    },
    regionOption,
    { name: 'no-wait', doc: 'Do not wait for the revision to become ready.' },
  ],
  examples: [
    {
      line: 'sealpost run deploy hello --image us-docker.pkg.dev/cloudrun/container/hello',
      does: "a service under the server's own key",
    },
    {
      line: 'sealpost run deploy hello --key us-central1/cafe/images',
      does: 'a key of its own from the next revision on',
    },
    {
      line: 'sealpost run deploy hello --post-key-revocation-action-type shut-down',
      does: 'what runs is stopped when the key is revoked',
    },
  ],
  load: async () => (await import('./deploy-action.ts')).deploy,
};

const services: CommandSpec = {
  name: 'services',
  summary: 'List, show, replace and delete services.',
  commands: [
    {
      name: 'list',
      summary: 'List the services of the project, in all regions.',
      examples: [{ line: 'sealpost run services list', does: 'URLs, keys, and what is wrong' }],
      load: async () => (await import('./service-actions.ts')).listServices,
    },
    {
      name: 'describe',
      summary: 'Show a service.',
      arguments: [serviceArgument],
      options: [
        regionOption,
        { name: 'export', doc: 'As YAML that can be edited and given to replace.' },
      ],
      examples: [
        { line: 'sealpost run services describe hello --export', does: 'YAML, for a repository' },
      ],
      load: async () => (await import('./service-actions.ts')).describeService,
    },
    {
      name: 'replace',
      summary: 'Create or change a service as a YAML file has it.',
      arguments: [{ name: 'FILE', completes: 'files' }],
      options: [regionOption, { name: 'no-wait', doc: 'Do not wait for the revision.' }],
      examples: [
        {
          line: 'sealpost run services replace service.yaml',
          does: 'a new revision, if it differs',
        },
      ],
      load: async () => (await import('./service-actions.ts')).replaceService,
    },
    {
      name: 'delete',
      summary: 'Stop a service, and forget its images and their keys for good.',
      arguments: [serviceArgument],
      options: [regionOption],
      examples: [{ line: 'sealpost run services delete hello', does: 'at once, without asking' }],
      load: async () => (await import('./service-actions.ts')).deleteService,
    },
  ],
};

const revisions: CommandSpec = {
  name: 'revisions',
  summary: 'List, show and delete revisions of a service.',
  commands: [
    {
      name: 'list',
      summary: 'List the revisions of a service, the newest first.',
      arguments: [serviceArgument],
      options: [regionOption],
      examples: [{ line: 'sealpost run revisions list hello', does: 'keys, traffic, failures' }],
      load: async () => (await import('./revision-actions.ts')).listRevisions,
    },
    {
      name: 'describe',
      summary: 'Show a revision: its image, its key, its conditions.',
      arguments: [{ name: 'REVISION' }],
      options: [regionOption],
      examples: [
        {
          line: 'sealpost run revisions describe hello-00001-abc',
          does: 'all that is known of it',
        },
      ],
      load: async () => (await import('./revision-actions.ts')).describeRevision,
    },
    {
      name: 'delete',
      summary: 'Delete a revision that serves nothing.',
      arguments: [{ name: 'REVISION' }],
      options: [regionOption],
      examples: [
        { line: 'sealpost run revisions delete hello-00001-abc', does: 'at once, without asking' },
      ],
      load: async () => (await import('./revision-actions.ts')).deleteRevision,
    },
  ],
};

export const runSpec: CommandSpec = {
  name: 'run',
  summary: 'Deploy images under keys of their own, and look after what runs.',
  commands: [
    deploy,
    services,
    revisions,
    {
      name: 'instances',
      summary: 'List the instances of a service: those that run, and those that ended lately.',
      arguments: [serviceArgument],
      options: [regionOption],
      details:
        'START is what a start took in all, UNWRAP what the key service took of it, MEMORY what the opened\n' +
        'image takes.',
      examples: [
        { line: 'sealpost run instances hello', does: 'states, starts, and why they ended' },
      ],
      load: async () => (await import('./instance-actions.ts')).listInstances,
    },
    {
      name: 'logs',
      summary: "Show the newest lines of a service's log, the oldest of them first.",
      arguments: [serviceArgument],
      options: [
        { name: 'since', placeholder: 'TIME', doc: 'Not before a time, or a duration ago.' },
        {
          name: 'limit',
          placeholder: 'COUNT',
          kind: 'number',
          range: [1, 100_000],
          doc: 'So many lines at most [100].',
        },
        { name: 'follow', doc: 'Go on with what comes, until Ctrl-C.' },
        regionOption,
      ],
      examples: [
        { line: 'sealpost run logs hello --since 1h', does: 'what it said, and what befell it' },
        { line: 'sealpost run logs hello --follow', does: 'as it happens' },
      ],
      load: async () => (await import('./log-action.ts')).showLogs,
    },
  ],
};
