import { percentiles, rateBy, rateOf, type Dashboard, type Row } from './panel.ts';

const services = '{project_id=~"$project",service_name=~"$service"}';

const keys: Row = {
  title: 'Keys and what their revocation does',
  panels: [
    {
      title: 'Keys that are not usable',
      description: 'Keys of services that are revoked, over their quota or out of reach.',
      kind: 'stat',
      unit: 'none',
      width: 6,
      thresholds: [[1, 'red']],
      queries: [['count(sealpost_vault_key_state{state!="enabled"} == 1) or vector(0)']],
    },
    {
      title: 'Next shutdown',
      description:
        'Time until instances are stopped because their key was revoked. Restore it before.',
      kind: 'stat',
      unit: 's',
      width: 6,
      queries: [['min(sealpost_vault_shutdown_seconds)']],
    },
    {
      title: 'Instances that are ready',
      description: 'Processes that take requests now, of all services.',
      kind: 'stat',
      unit: 'none',
      width: 6,
      queries: [['sum(run_container_instance_count{state="ready"}) or vector(0)']],
    },
    {
      title: 'Opened images in memory',
      description: 'What all instances have unpacked, in tmpfs and nowhere else.',
      kind: 'stat',
      unit: 'bytes',
      width: 6,
      queries: [['sum(sealpost_vault_unpacked_bytes)']],
    },
    {
      title: 'State of keys',
      description: 'Each key of services and the state that its last check found.',
      width: 12,
      unit: 'none',
      queries: [
        [
          'sum by (kms_key_name, state) (sealpost_vault_key_state) == 1',
          '{{kms_key_name}} {{state}}',
        ],
      ],
    },
    {
      title: 'Changes of state',
      description:
        'How often keys came into each state; revoked and back again is somebody at work.',
      width: 12,
      unit: 'cps',
      queries: [[rateBy('state', 'sealpost_vault_key_changes_total'), '{{state}}']],
    },
    {
      title: 'Calls of the key service',
      description: 'One for each start; two for each check; one for each deployment.',
      width: 12,
      unit: 'reqps',
      queries: [
        [
          rateBy('purpose, response_code', 'sealpost_vault_kms_requests_total'),
          '{{purpose}} {{response_code}}',
        ],
      ],
    },
    {
      title: 'Time of those calls',
      description: 'The key service as the vault sees it; each start waits for one.',
      width: 12,
      unit: 's',
      queries: percentiles('sealpost_vault_kms_seconds'),
    },
  ],
};

const requests: Row = {
  title: 'Requests',
  panels: [
    {
      title: 'Requests by answer',
      description: '429: every instance is full. 503: none can start, often because of a key.',
      width: 12,
      unit: 'reqps',
      queries: [
        [
          rateBy('service_name, response_code', `run_request_count${services}`),
          '{{service_name}} {{response_code}}',
        ],
      ],
    },
    {
      title: 'Time of requests',
      description: 'From a request to the last byte of its answer, cold starts included.',
      width: 12,
      unit: 'ms',
      queries: percentiles('run_request_latencies', services),
    },
  ],
};

const instances: Row = {
  title: 'Instances',
  panels: [
    {
      title: 'Instances by state',
      description: 'Per revision. Starting for long: look at the parts of starts.',
      unit: 'short',
      queries: [
        [
          `sum by (revision_name, state) (run_container_instance_count${services})`,
          '{{revision_name}} {{state}}',
        ],
      ],
    },
    {
      title: 'Starts by outcome',
      description: 'key_refused and revoked_meanwhile are keys; damaged is the disk, and serious.',
      unit: 'cps',
      queries: [[rateBy('outcome', 'sealpost_vault_starts_total'), '{{outcome}}']],
    },
    {
      title: 'Instances that ended',
      description: 'Scaled down, replaced, shut down or ended by themselves; the log says which.',
      unit: 'cps',
      queries: [[rateOf('sealpost_vault_stops_total'), 'ended']],
    },
    {
      title: 'Cold starts',
      description: 'From the decision to start an instance to its readiness.',
      width: 12,
      unit: 'ms',
      queries: percentiles('run_container_startup_latencies', services),
    },
    {
      title: 'Parts of starts',
      description: 'Median of unwrap, open, apply and probe. A slow unwrap is the key service.',
      width: 12,
      unit: 's',
      queries: [
        [
          'histogram_quantile(0.5, sum by (le, phase) (rate(sealpost_vault_start_seconds_bucket[$__rate_interval])))',
          '{{phase}}',
        ],
      ],
    },
  ],
};

const images: Row = {
  title: 'Images',
  panels: [
    {
      title: 'Sealed layers on disk',
      description: 'Ciphertext of layers that some revision needs, or needed lately.',
      unit: 'bytes',
      queries: [['sum(sealpost_vault_object_bytes)', 'layers']],
    },
    {
      title: 'Imported and deduplicated',
      description: 'Uncompressed bytes that were stored, and that were there already.',
      unit: 'Bps',
      queries: [
        [rateOf('sealpost_vault_imported_bytes_total'), 'stored'],
        [rateOf('sealpost_vault_deduplicated_bytes_total'), 'there already'],
      ],
    },
    {
      title: 'Imports by outcome',
      description: 'Images that deployments asked for; a failed one leaves nothing half stored.',
      unit: 'cps',
      queries: [[rateBy('outcome', 'sealpost_vault_imports_total'), '{{outcome}}']],
    },
    {
      title: 'Time of imports',
      description: 'Fetch, check, decompress, seal and store; a deployment waits for it.',
      width: 12,
      unit: 's',
      queries: percentiles('sealpost_vault_import_seconds'),
    },
    {
      title: 'Log lines that were dropped',
      description: 'Services that write faster than their logs can be sealed and stored.',
      width: 12,
      unit: 'cps',
      queries: [[rateOf('sealpost_vault_log_lines_dropped_total'), 'dropped']],
    },
  ],
};

export const vaultDashboard: Dashboard = {
  uid: 'sealpost-vault',
  title: 'Sealpost: vault',
  description: 'Services under customer-managed keys: keys, requests, instances and images.',
  variables: [
    { name: 'project', label: 'project_id', query: 'run_request_count' },
    { name: 'service', label: 'service_name', query: 'run_request_count{project_id=~"$project"}' },
  ],
  rows: [keys, requests, instances, images],
};
