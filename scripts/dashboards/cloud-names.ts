/** A metric as its page declares it. */
export interface Declared {
  readonly name: string;
  readonly type: string;
}

/** Not a name of Cloud Monitoring's any more; kept here under its old one. */
const older = ['pubsub_subscription_num_unacked_messages'];

/** Rules that copy each metric to the name that PromQL has for it in Google Cloud. */
export function cloudNameRules(metrics: readonly Declared[]): string {
  const rules = metrics
    .filter(({ name }) => /^(?:pubsub|run)_/.test(name) && !older.includes(name))
    .flatMap(({ name, type }) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
    )
    .map(rule);
  return [
    '# Written by `npm run dashboards`. Copies each metric to the name that PromQL has for it in Google',
    '# Cloud, with the label of its monitored resource, so that dashboards and alerts written for one',
    '# run on the other.',
    'groups:',
    '  - name: google-cloud-names',
    '    rules:',
    ...rules,
    '',
  ].join('\n');
}

function rule(name: string): string {
  const resource = name.startsWith('run_')
    ? 'cloud_run_revision'
    : (/^pubsub_[a-z]+/.exec(name)?.[0] ?? '');
  return [
    `      - record: ${name.replace(/^(pubsub|run)_/, '$1_googleapis_com:')}`,
    `        expr: ${name}`,
    '        labels:',
    `          monitored_resource: ${resource}`,
  ].join('\n');
}
