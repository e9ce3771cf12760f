import { describe, expect, test } from 'vitest';
import type { CryptoKey, CryptoKeyVersion } from '../key-administration.ts';
import { cryptoKeyFields, keyRingFields, versionFields } from './list-fields.ts';
import { listFilter } from './list-filter.ts';

const version: CryptoKeyVersion = {
  name: 'projects/p/locations/global/keyRings/r/cryptoKeys/Ledger/cryptoKeyVersions/1',
  state: 'ENABLED',
  protectionLevel: 'SOFTWARE',
  algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION',
  createTimeMs: Date.parse('2026-02-03T04:05:06.000Z'),
};
const key: CryptoKey = {
  name: 'projects/p/locations/global/keyRings/r/cryptoKeys/Ledger',
  purpose: 'ENCRYPT_DECRYPT',
  createTimeMs: version.createTimeMs,
  labels: { team: 'Alpha', 'with-dash': 'x' },
  versionTemplate: { protectionLevel: 'HSM', algorithm: 'GOOGLE_SYMMETRIC_ENCRYPTION' },
  destroyScheduledSeconds: 86_400,
  rotationPeriodSeconds: 90 * 86_400,
  nextRotationTimeMs: Date.parse('2026-06-01T00:00:00Z'),
  primary: version,
};

function matches(text: string): boolean {
  return listFilter(text, cryptoKeyFields)(key);
}

describe('a filter of keys', () => {
  test.each([
    ['', true],
    [' \t ', true],
    ['purpose=ENCRYPT_DECRYPT', true],
    ['purpose = "MAC"', false],
    ['purpose != MAC', true],
    ['-purpose=MAC', true],
    ['NOT purpose=MAC', true],
    ['NOT NOT purpose=MAC', false],
    ['name:ledger', true],
    ['name:LEDGER', true],
    ['name=ledger', false],
    ['name:"no such"', false],
    ['labels.team=Alpha', true],
    ['labels.team:alp', true],
    ['labels.team=beta', false],
    ['labels.none=Alpha', false],
    ['labels.none!=Alpha', true],
    ['labels.team:*', true],
    ['labels.none:*', false],
    ['labels.with-dash=x', true],
    ['labels.constructor:*', false],
    ['primary.state=ENABLED', true],
    ['primary.state=DISABLED', false],
    ['primary.algorithm:google', true],
    ['versionTemplate.protectionLevel=HSM', true],
    ['version_template.protection_level=SOFTWARE', false],
    ['create_time>2026-01-01T00:00:00Z', true],
    ['create_time < "2026-01-01T00:00:00Z"', false],
    ['createTime>=2026-02-03T04:05:06Z', true],
    ['createTime=>2026-02-03T04:05:06Z', true],
    ['createTime>2026-02-03T04:05:06Z', false],
    ['createTime<=2026-02-03T05:05:06+01:00', true],
    ['createTime:2026-02', true],
    ['rotation_period>=7776000s', true],
    ['rotation_period<1s', false],
    ['destroy_scheduled_duration=86400s', true],
    ['purpose=MAC OR purpose=ENCRYPT_DECRYPT', true],
    ['name:ledger purpose=MAC', false],
    ['name:ledger AND purpose=ENCRYPT_DECRYPT', true],
    // OR binds closer than AND: the whole is "and"ed with what does not hold.
    ['name:ledger OR name:x AND purpose=MAC', false],
    ['name:ledger OR (name:x AND purpose=MAC)', true],
    ["name:'ledger'", true],
    ['name:"led\\ger"', true],
  ])('%s: %s', (text, expected) => {
    expect(matches(text)).toBe(expected);
  });

  test.each([
    ['color=red', 1, "there is no field 'color'"],
    ['state=ENABLED', 1, "there is no field 'state'"],
    ['name', 5, 'it ends too early'],
    ['name=', 6, 'it ends too early'],
    ['name "x"', 6, "'x' is unexpected"],
    ['=x', 1, "'=' is unexpected"],
    ['(name:x', 8, 'it ends too early'],
    ['name:x)', 7, "')' is unexpected"],
    ['name:"x', 6, 'a quotation has no end'],
    ['name:x OR', 10, 'it ends too early'],
    ['name!x', 5, "'!' is unexpected"],
    ['create_time>yesterday', 13, "'yesterday' is no RFC 3339 time"],
    ['rotation_period>1d', 17, "'1d' is no duration"],
    ['labels=x', 1, "there is no field 'labels'"],
    ['primary=x', 1, "there is no field 'primary'"],
    ['primary.labels.x=y', 1, "there is no field 'primary.labels.x'"],
    [`${'('.repeat(40)}name:x${')'.repeat(40)}`, 34, 'it is nested too deeply'],
    ['x'.repeat(5000), 1, 'it is longer than 4096 characters'],
  ])('%s is refused at character %i', (text, at, what) => {
    expect(() => matches(text)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: `Request field filter is invalid at character ${at}: ${what}.`,
      }),
    );
  });
});

test('versions are filtered by state, level and algorithm, rings by name and time', () => {
  const filter = 'state=ENABLED protection_level=SOFTWARE algorithm:symmetric';
  expect(listFilter(filter, versionFields)(version)).toBe(true);
  expect(listFilter('destroy_time:*', versionFields)(version)).toBe(false);
  const ring = { name: 'projects/p/locations/l/keyRings/r', createTimeMs: 0 };
  expect(listFilter('name:keyrings create_time<2026-01-01', keyRingFields)(ring)).toBe(true);
  expect(() => listFilter('state=ENABLED', keyRingFields)).toThrow('no field');
});
