import { Gauge, type Registry } from 'prom-client';
import type { InstanceReport, KeyPlace, KeyState, PendingShutdown } from '../../vault/index.ts';
import { RevisionLabels, revisionLabelNames } from './revision-labels.ts';

/** How the vault stands, as of a scrape. */
export interface VaultReport {
  /** Those that run, start or stop. */
  readonly instances: readonly InstanceReport[];
  readonly keys: readonly { readonly place: KeyPlace; readonly state: KeyState }[];
  readonly shutdowns: readonly PendingShutdown[];
  /** Of sealed layers, on disk. */
  readonly objectBytes: number;
  /** Wall ms, in which deadlines are counted. */
  readonly nowMs: number;
}

const conditions = ['ENABLED', 'REVOKED', 'THROTTLED', 'UNREACHABLE'] as const;
const states = ['STARTING', 'READY', 'STOPPING'] as const;

/** Registers gauges that ask for a report at each scrape; null: no vault runs. */
export function registerVaultGauges(
  registry: Registry,
  max: number,
  source: () => Promise<VaultReport | null>,
): void {
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    fill: (report: VaultReport, into: Gauge<Label>) => void,
  ): void => {
    const registered: Gauge<Label> = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect: async () => {
        registered.reset();
        const report = await source();
        if (report !== null) fill(report, registered);
      },
    });
  };
  gauge(
    'run_container_instance_count',
    'Instances by state: starting, ready or stopping.',
    [...revisionLabelNames, 'state'],
    fillInstances(max),
  );
  gauge(
    'sealpost_vault_key_state',
    'State of each key of services: 1 for the one that holds.',
    ['project_id', 'kms_key_name', 'state'],
    fillKeys(max),
  );
  gauge(
    'sealpost_vault_shutdown_seconds',
    'Seconds until the instances of a revision are stopped because its key was revoked.',
    revisionLabelNames,
    ({ shutdowns, nowMs }, into) => {
      for (const { revision, deadlineMs } of shutdowns.slice(0, max)) {
        into.set(new RevisionLabels(1).of(revision), Math.max(0, (deadlineMs - nowMs) / 1000));
      }
    },
  );
  gauge('sealpost_vault_object_bytes', 'Bytes of sealed layers on disk.', [], (report, into) => {
    into.set(report.objectBytes);
  });
  gauge(
    'sealpost_vault_unpacked_bytes',
    'Bytes of opened images in memory, of the instances that run.',
    [],
    ({ instances }, into) => into.set(instances.reduce((sum, { bytes }) => sum + bytes, 0)),
  );
}

function fillInstances(max: number) {
  return (report: VaultReport, into: Gauge): void => {
    const labels = new RevisionLabels(max);
    for (const { revision, state } of report.instances) {
      const own = labels.of(revision);
      for (const each of states) {
        into.inc({ ...own, state: each.toLowerCase() }, each === state ? 1 : 0);
      }
    }
  };
}

function fillKeys(max: number) {
  return (report: VaultReport, into: Gauge): void => {
    for (const { place, state } of report.keys.slice(0, max)) {
      const own = { project_id: place.project, kms_key_name: place.key };
      for (const each of conditions) {
        into.set({ ...own, state: each.toLowerCase() }, each === state.condition ? 1 : 0);
      }
    }
  };
}
