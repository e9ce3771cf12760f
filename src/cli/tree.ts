import { applySpec, exportSpec } from './apply/apply-spec.ts';
import { accountsSpec, apiKeysSpec } from './accounts/account-specs.ts';
import { auditSpec } from './audit/audit-spec.ts';
import { backupSpec } from './backup/backup-spec.ts';
import type { CommandSpec } from './command/command-spec.ts';
import { completionSpec } from './completion/completion-spec.ts';
import { doctorSpec } from './doctor/doctor-spec.ts';
import { publishSpec, pullSpec, subscribeSpec } from './messages/message-specs.ts';
import { keysSpec } from './resources/key-specs.ts';
import { schemasSpec } from './schemas/schema-specs.ts';
import { snapshotsSpec } from './resources/snapshot-specs.ts';
import { subscriptionsSpec } from './resources/subscription-specs.ts';
import { topicsSpec } from './resources/topic-specs.ts';
import { replaySpec } from './replay/replay-spec.ts';
import { rootSpec } from './root/root-spec.ts';
import { runSpec } from './run/run-spec.ts';
import { topSpec } from './top/top-spec.ts';
import { vaultSpec } from './vault/vault-spec.ts';
import { verifySpec } from './verify/verify-spec.ts';

/** Every command that talks to a server, and completion, in the order of the first help. */
export const tree: readonly CommandSpec[] = [
  topicsSpec,
  subscriptionsSpec,
  snapshotsSpec,
  schemasSpec,
  keysSpec,
  accountsSpec,
  apiKeysSpec,
  publishSpec,
  pullSpec,
  subscribeSpec,
  replaySpec,
  doctorSpec,
  topSpec,
  verifySpec,
  auditSpec,
  applySpec,
  exportSpec,
  runSpec,
  vaultSpec,
  rootSpec,
  backupSpec,
  completionSpec,
];
