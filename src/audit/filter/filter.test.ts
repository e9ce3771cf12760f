import { describe, expect, test } from 'vitest';

import { auditEntry } from '../../../test/support/audit-bench.ts';
import type { LoggedEntry } from '../audit-entry.ts';
import { logEntryJson } from '../log-entry-json.ts';
import { boundsOf } from './filter-bounds.ts';
import { matches } from './filter-match.ts';
import { parseFilter } from './filter-parser.ts';

const timeMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789);

const entry: LoggedEntry = {
  ...auditEntry({
    methodName: 'Decrypt',
    kind: 'data_access',
    resourceName: 'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1',
    resource: {
      type: 'cloudkms_cryptokeyversion',
      labels: { key_ring_id: 'r', location: 'global' },
    },
    caller: { principalEmail: 'service-1@gcp-sa-pubsub.iam.gserviceaccount.com' },
    authorization: [
      { resource: 'a', permission: 'cloudkms.cryptoKeyVersions.useToDecrypt', granted: false },
    ],
    request: { '@type': 'type.googleapis.com/google.cloud.kms.v1.DecryptRequest', count: 7 },
    status: { code: 'FAILED_PRECONDITION', message: 'is not enabled' },
  }),
  insertId: 'd00000000000000',
  timeMs,
};

const passes = (filter: string): boolean => matches(parseFilter(filter), logEntryJson(entry));

describe('a filter takes an entry', () => {
  test.each([
    '',
    '  -- only a comment',
    'resource.type=cloudkms_cryptokeyversion',
    'resource.type="CLOUDKMS_CRYPTOKEYVERSION"',
    "resource.type='cloudkms_cryptokeyversion'",
    'resource.type:cloudkms',
    'resource.type=(cloudkms_cryptokey OR cloudkms_cryptokeyversion)',
    'resource.labels.key_ring_id="r"',
    'resource.labels."key_ring_id"="r"',
    'resource.labels:key_ring_id',
    'protoPayload.methodName="Decrypt"',
    'proto_payload.method_name = "Decrypt"',
    'protoPayload.serviceName="cloudkms.googleapis.com" AND protoPayload.methodName!="Encrypt"',
    'protoPayload.resourceName:"cryptoKeys/k"',
    'protoPayload.authenticationInfo.principalEmail:"gcp-sa-pubsub"',
    'protoPayload.authorizationInfo.permission="cloudkms.cryptoKeyVersions.useToDecrypt"',
    'protoPayload.authorizationInfo.granted=false',
    'protoPayload.request.count>6',
    'protoPayload.request."@type":DecryptRequest',
    'protoPayload.status.code=9',
    'protoPayload.status.code!=0',
    'protoPayload.status.code>=9 protoPayload.status.code<10',
    'protoPayload.status.code:*',
    'severity=ERROR',
    'severity>=WARNING',
    'severity>notice',
    'severity<600',
    'severity=(ERROR OR CRITICAL)',
    'timestamp>="2026-02-03T04:05:06.789Z"',
    'timestamp>=2026-02-03T04:05:06Z timestamp<2026-02-03T04:05:07Z',
    'timestamp>"2026-02-03" AND timestamp<"2026-02-04"',
    'timestamp="2026-02-03T05:05:06.789+01:00"',
    'logName="projects/p/logs/cloudaudit.googleapis.com%2Fdata_access"',
    'logName:"data_access"',
    'log_id("cloudaudit.googleapis.com/data_access")',
    'log_id("cloudaudit.googleapis.com%2Fdata_access")',
    'insertId="d00000000000000"',
    'protoPayload.methodName=~"^(En|De)crypt$"',
    'protoPayload.methodName!~"^Create"',
    '"not enabled"',
    'NOT-ENABLED OR "is not enabled"',
    'Decrypt',
    'NOT Encrypt',
    '-Encrypt',
    '-resource.type=gce_instance',
    'NOT resource.type=gce_instance AND NOT resource.type=other',
    'NOT protoPayload.nothing="x"',
    'NOT protoPayload.response:*',
    '(resource.type=a OR severity=ERROR) AND (Decrypt)',
    // As in Cloud Logging, OR binds more closely than AND.
    'severity=ERROR OR severity=INFO AND protoPayload.methodName=Decrypt',
    'protoPayload.methodName=Decrypt AND severity=INFO OR severity=ERROR',
    'resource.type="cloudkms_cryptokeyversion"\nseverity=ERROR -- failures',
  ])('%s', (filter) => {
    expect(passes(filter)).toBe(true);
  });
});

describe('a filter leaves an entry out', () => {
  test.each([
    'resource.type=cloudkms',
    'resource.type=(a OR b)',
    'resource.labels.key_ring_id!="r"',
    'protoPayload.methodName="Decrypt" AND severity=INFO',
    'severity<ERROR',
    'severity=INFO OR severity=NOTICE AND protoPayload.methodName=Decrypt',
    'timestamp<"2026-02-03T04:05:06.789Z"',
    'timestamp>="2026-02-04"',
    'log_id("cloudaudit.googleapis.com/activity")',
    // A field that is absent fails every comparison.
    'protoPayload.nothing="x"',
    'protoPayload.nothing!="x"',
    'protoPayload.nothing!~"x"',
    'protoPayload.response:*',
    'protoPayload.methodName=~"^crypt"',
    'protoPayload.methodName!~"crypt"',
    'encrypt',
    'NOT Decrypt',
    '-(severity=ERROR)',
    'resource.labels:location_id',
    'protoPayload.status.code=10',
    'resource.type!=*',
  ])('%s', (filter) => {
    expect(passes(filter)).toBe(false);
  });
});

describe('a filter that is none is refused with its place', () => {
  test.each([
    ['resource.type=', "unexpected end at line 1, column 15, token ''"],
    ['resource.type="a', "unterminated string at line 1, column 15, token '\"a'"],
    ['(severity=ERROR', "unexpected end at line 1, column 16, token ''"],
    ['severity=ERROR)', "syntax error at line 1, column 15, token ')'"],
    ['severity=ERROR AND', "unexpected end at line 1, column 19, token ''"],
    ['OR severity=ERROR', "syntax error at line 1, column 1, token 'OR'"],
    ['a\n  =b', "field not found: 'a' at line 1, column 1, token 'a'"],
    ['severity="LOUD"', "invalid severity value 'LOUD' at line 1, column 10, token '\"LOUD\"'"],
    [
      'timestamp>yesterday',
      "invalid timestamp value 'yesterday' at line 1, column 11, token 'yesterday'",
    ],
    [
      'severity=ERROR\nAND foo.bar=1',
      "field not found: 'foo' at line 2, column 5, token 'foo.bar=1'",
    ],
    ['resource.type=~"a("', 'invalid pattern: missing ) at line 1, column 16, token \'"a("\''],
    ['resource..type=1', "syntax error at line 1, column 10, token '.type=1'"],
    ['= 3', "syntax error at line 1, column 1, token '='"],
    [`${'('.repeat(101)}a${')'.repeat(101)}`, 'too deeply nested at line 1, column 102'],
    ['x'.repeat(20_001), 'longer than 20000 characters at line 1, column 20001'],
  ])('%s', (filter, problem) => {
    expect(() => parseFilter(filter)).toThrowError(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`Unparseable filter: ${problem}`) as string,
      }),
    );
  });
});

describe('times and logs of a filter', () => {
  const day = (number: number): number => Date.UTC(2026, 0, number);
  test.each([
    ['timestamp>="2026-01-02" timestamp<"2026-01-05"', [day(2), day(5)]],
    ['timestamp>="2026-01-02" OR timestamp>="2026-01-04"', [day(2), Infinity]],
    ['(timestamp>"2026-01-02" AND severity=ERROR) timestamp>"2026-01-03"', [day(3), Infinity]],
    ['NOT timestamp>="2026-01-02"', [0, Infinity]],
    ['timestamp="2026-01-02"', [day(2), day(2)]],
    ['receiveTimestamp<="2026-01-02"', [0, day(2)]],
    ['severity=ERROR', [0, Infinity]],
  ])('of %s bound what is read', (filter, [fromMs, toMs]) => {
    expect(boundsOf(parseFilter(filter))).toMatchObject({ fromMs, toMs });
  });

  test.each([
    ['logName="projects/p/logs/cloudaudit.googleapis.com%2Factivity"', ['activity']],
    ['logName="projects/p/logs/cloudaudit.googleapis.com%2Fsystem_event"', ['activity']],
    ['log_id("cloudaudit.googleapis.com/data_access")', ['data_access']],
    ['logName:activity', ['activity', 'data_access']],
    ['NOT log_id("cloudaudit.googleapis.com/activity")', ['activity', 'data_access']],
  ])('of %s say which are read', (filter, chains) => {
    expect(boundsOf(parseFilter(filter)).chains).toEqual(chains);
  });
});

test('a filter holds ten patterns at most: each is run on every entry', () => {
  const filter = (count: number): string =>
    Array.from({ length: count }, () => 'insertId=~"a"').join(' OR ');
  expect(() => parseFilter(filter(10))).not.toThrow();
  expect(() => parseFilter(filter(11))).toThrow('more than 10 patterns');
});
