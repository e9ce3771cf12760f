import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { survey } from './tree-opening.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealpost-survey-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('an image whose layers together name too much is refused before anything is read', async () => {
  const indexPath = join(folder, 'layer.index');
  writeFileSync(indexPath, '');
  truncateSync(indexPath, 100 * 2 ** 20);
  // One small blob can be named as a layer again and again.
  const layer = { diffId: 'sha256:1', dataPath: join(folder, 'layer'), indexPath };
  const secret = { key: new Uint8Array(32), keyId: new Uint8Array(16) };
  const job = { kind: 'survey', secret, layers: [layer, layer, layer] } as const;
  await expect(survey(job)).rejects.toThrow('its names are too many to keep');
  await expect(survey({ ...job, layers: [layer] })).rejects.toMatchObject({ code: 'DATA_LOSS' });
});
