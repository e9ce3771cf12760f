import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { grafanaFiles } from './dashboards/grafana-files.ts';

/** Writes grafana/dashboards and the recording rules from their descriptions beside this file. */
for (const [path, text] of await grafanaFiles()) {
  writeFileSync(join(import.meta.dirname, '..', path), text);
}
